import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors/userError.js";
import { cosines, hesselPrefix } from "../metrics/clipScore.js";
import type { Features } from "../metrics/features.js";
import {
	type FidVariant,
	fidResizes,
} from "../metrics/inceptionPreprocessing.js";
import { openClipModel } from "../metrics/nodeClipModel.js";
import { inceptionExtractor } from "../metrics/nodeInceptionExtractor.js";
import { openInceptionWeights } from "../metrics/nodeInceptionWeights.js";
import type { Pixels } from "../metrics/resize/pixels.js";
import type { SessionOptions } from "../runtime/session.js";

/** Which networks judge the images. */
export interface ScorerOptions extends SessionOptions {
	/** CLIP: a folder or Hub id. Absent: no CLIP score. */
	readonly clip?: string;
	/** FID by Inception: whose way; absent: no FID. */
	readonly fid?: FidVariant;
	/** Inception's weights; found or fetched unless given. */
	readonly inceptionWeights?: string;
	readonly offline?: boolean;
	readonly signal?: AbortSignal;
}

/** What the features of an image are made of: a run's results are comparable only where all of it is equal. */
export interface ScoringDescription {
	readonly clip?: { readonly weights: string; readonly width: number };
	readonly inception?: { readonly madeWith: string; readonly width: number };
}

/** Values in a row of features: CLIP's embedding, then Inception's pooled features. */
export function featureWidth({ clip, inception }: ScoringDescription): number {
	return (clip?.width ?? 0) + (inception?.width ?? 0);
}

/** What an image scores. */
export interface Score {
	/** CLIP's embedding, then Inception's pooled features. */
	readonly features: Float32Array;
	readonly cosine?: number;
	readonly prefixedCosine?: number;
}

/** The judging networks, loaded. */
export interface Scorer {
	readonly description: ScoringDescription;
	/** @param caption what the image is to show; absent for real images, which get no cosines */
	score(image: Pixels, caption?: string): Promise<Score>;
	release(): Promise<void>;
}

const INCEPTION_WIDTH = 2048;
const PROBE = { width: 64, height: 64, channels: 3 };

/**
 * Loads the networks that judge images.
 * @throws UserError when weights are missing or malformed, or nothing is to be measured
 */
export async function openScorer(options: ScorerOptions): Promise<Scorer> {
	if (!options.clip && !options.fid)
		throw new UserError(
			"nothing to measure: give --clip DIR|HUB_ID, --fid NAME, or both",
			2,
		);
	const clip = options.clip
		? await openClipModel(options.clip, options)
		: undefined;
	const inception = options.fid
		? await inceptionExtractor(
				await openInceptionWeights({
					path: options.inceptionWeights,
					offline: options.offline,
					signal: options.signal,
				}),
				options.fid,
				["2048"],
				options,
			)
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
					},
				}
			: {}),
		...(inception && options.fid
			? {
					inception: {
						madeWith: `${inception.madeWith} (${fidResizes[options.fid]})`,
						width: INCEPTION_WIDTH,
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
				const { "2048": pooled } = await inception.extract([image]);
				features.set(pooled.data, description.clip?.width ?? 0);
			}
			return {
				features,
				...(cosine === undefined ? {} : { cosine, prefixedCosine }),
			};
		},
		async release() {
			await clip?.release();
			await inception?.release();
		},
	};
}

/** The SHA-256 of a CLIP folder's weights (its beginning); of a Hub id, the id. */
async function clipWeights(where: string): Promise<string> {
	if (!(await stat(where).catch(() => undefined))?.isDirectory()) return where;
	const names = await readdir(where);
	const name = ["model.safetensors", "pytorch_model.bin"].find((candidate) =>
		names.includes(candidate),
	);
	if (!name) return where;
	const hash = createHash("sha256");
	for await (const chunk of createReadStream(join(where, name)))
		hash.update(chunk);
	return `sha256 ${hash.digest("hex").slice(0, 16)}`;
}
