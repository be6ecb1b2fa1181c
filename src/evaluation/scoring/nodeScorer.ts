import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { OptionError } from "../../errors/optionError.js";
import { sha256 } from "../../files/nodeSha256.js";
import type { Pixels } from "../../image/resize/pixels.js";
import { cosines, hesselPrefix } from "../../metrics/clipScore.js";
import type { Features } from "../../metrics/features.js";
import type { FidVariant } from "../../metrics/inceptionPreprocessing.js";
import { openClipModel } from "../../metrics/nodeClipModel.js";
import { inceptionExtractor } from "../../metrics/nodeInceptionExtractor.js";
import { openInceptionWeights } from "../../metrics/nodeInceptionWeights.js";
import { openLpips } from "../../metrics/nodeLpips.js";
import type { LpipsTrunk } from "../../models/lpips.js";
import { onnxRuntime } from "../../runtime/onnxruntime/nodeOnnxRuntime.js";
import { openTogether } from "../../runtime/openTogether.js";
import type { SessionOptions } from "../../runtime/session.js";

/** Which networks judge the images. */
export interface ScorerOptions extends SessionOptions {
	/** CLIP: a folder or Hub id. Absent: no CLIP score. */
	readonly clip?: string;
	/** FID by Inception: whose way; absent: no FID. */
	readonly fid?: FidVariant;
	/** Inception's weights; found or fetched unless given. */
	readonly inceptionWeights?: string;
	/** LPIPS to the plain image: its trunk, and files of weights. Absent: none. */
	readonly lpips?: {
		readonly trunk: LpipsTrunk;
		readonly files: readonly string[];
	};
	readonly offline?: boolean;
	readonly signal?: AbortSignal;
}

/** What the features of an image are made of: a run's results are comparable only where all of it is equal. */
export interface ScoringDescription {
	readonly clip?: {
		readonly weights: string;
		readonly width: number;
		/** Edge of the pictures that it sees. */
		readonly imageSize: number;
	};
	readonly inception?: {
		readonly madeWith: string;
		/** Pooled features. */
		readonly width: number;
		readonly logits: number;
	};
	readonly lpips?: { readonly trunk: LpipsTrunk; readonly weights: string };
}

/** Values in a row of features: CLIP's embedding, then Inception's pooled features and its logits. */
export function featureWidth({ clip, inception }: ScoringDescription): number {
	return (
		(clip?.width ?? 0) + (inception ? inception.width + inception.logits : 0)
	);
}

/** What an image scores. */
export interface Score {
	/** CLIP's embedding, then Inception's pooled features and its logits (without bias). */
	readonly features: Float32Array;
	readonly cosine?: number;
	readonly prefixedCosine?: number;
}

/** The judging networks, loaded. */
export interface Scorer {
	readonly description: ScoringDescription;
	/** @param caption what the image is to show; absent for real images, which get no cosines */
	score(image: Pixels, caption?: string): Promise<Score>;
	/** The words at the end of a caption that CLIP does not read; "" where it reads all. */
	unread(caption: string): string;
	/** LPIPS of two images of the same size, where its weights were given. */
	lpips?(image: Pixels, reference: Pixels): Promise<number>;
	release(): Promise<void>;
}

const INCEPTION_WIDTH = 2048;
const INCEPTION_LOGITS = 1008;
const PROBE = { width: 64, height: 64, channels: 3 };

/**
 * Loads the networks that judge images.
 * @throws UserError when weights are missing or malformed, or nothing is to be measured
 */
export async function openScorer(asked: ScorerOptions): Promise<Scorer> {
	const has = await onnxRuntime.devices();
	const { device = "cpu" } = asked;
	// a model's engine may have devices that the judges' has not
	const options = { ...asked, device: has.includes(device) ? device : "cpu" };
	if (!options.clip && !options.fid)
		throw new OptionError(
			"clip",
			"nothing is to be measured: name a CLIP model, or whose FID (fid), or both",
		);
	return openTogether(async (keep) => {
		const clip = options.clip
			? keep(await openClipModel(options.clip, options))
			: undefined;
		const inception = options.fid
			? keep(
					await inceptionExtractor(
						await openInceptionWeights({
							path: options.inceptionWeights,
							offline: options.offline,
							signal: options.signal,
						}),
						options.fid,
						["2048", "logits_unbiased"],
						options,
					),
				)
			: undefined;
		const lpips = options.lpips
			? keep(await openLpips(options.lpips.files, options.lpips.trunk, options))
			: undefined;
		const probe = {
			...PROBE,
			data: new Uint8Array(PROBE.width * PROBE.height * PROBE.channels),
		};
		const description: ScoringDescription = {
			...(clip && options.clip
				? {
						clip: {
							weights: await clipWeights(options.clip),
							width: (await clip.embedImages([probe])).width,
							imageSize: clip.imageSize,
						},
					}
				: {}),
			...(inception
				? {
						inception: {
							madeWith: inception.madeWith,
							width: INCEPTION_WIDTH,
							logits: INCEPTION_LOGITS,
						},
					}
				: {}),
			...(lpips && options.lpips
				? {
						lpips: {
							trunk: lpips.trunk,
							weights: await filesHash(options.lpips.files),
						},
					}
				: {}),
		};
		// a caption is drawn by all methods one after another
		let texts: { caption: string; embeddings: Features } | undefined;
		return {
			description,
			async score(image, caption) {
				const features = new Float32Array(featureWidth(description));
				let cosine: number | undefined;
				let prefixedCosine: number | undefined;
				if (clip) {
					const embedding = await clip.embedImages([image]);
					features.set(embedding.data);
					if (caption !== undefined) {
						if (texts?.caption !== caption)
							texts = {
								caption,
								embeddings: await clip.embedTexts([
									caption,
									hesselPrefix + caption,
								]),
							};
						const { width } = texts.embeddings;
						[cosine, prefixedCosine] = cosines(
							{
								count: 2,
								width,
								data: Float32Array.of(...embedding.data, ...embedding.data),
							},
							texts.embeddings,
						);
					}
				}
				if (inception) {
					const { "2048": pooled, logits_unbiased: logits } =
						await inception.extract([image]);
					const from = description.clip?.width ?? 0;
					features.set(pooled.data, from);
					features.set(logits.data, from + INCEPTION_WIDTH);
				}
				return {
					features,
					...(cosine === undefined ? {} : { cosine, prefixedCosine }),
				};
			},
			unread: (caption) => clip?.unread(hesselPrefix + caption) ?? "",
			...(lpips ? { lpips: lpips.distance } : {}),
		};
	});
}

/** The SHA-256 of a CLIP folder's weights (its beginning); of a Hub id, the id. */
async function clipWeights(where: string): Promise<string> {
	if (!(await stat(where).catch(() => undefined))?.isDirectory()) return where;
	const names = await readdir(where);
	const name = ["model.safetensors", "pytorch_model.bin"].find((candidate) =>
		names.includes(candidate),
	);
	if (!name) return where;
	return `sha256 ${(await fileHash(join(where, name))).slice(0, 16)}`;
}

/** Of several files, in any order, the beginning of one SHA-256. */
async function filesHash(paths: readonly string[]): Promise<string> {
	const hashes = await Promise.all(paths.map(fileHash));
	const all = hashes.length === 1 ? hashes[0] : sha256(hashes.sort().join());
	return `sha256 ${all.slice(0, 16)}`;
}

async function fileHash(path: string): Promise<string> {
	const hash = createHash("sha256");
	for await (const chunk of createReadStream(path)) hash.update(chunk);
	return hash.digest("hex");
}
