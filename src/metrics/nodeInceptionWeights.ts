import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { OptionError } from "../errors/optionError.js";
import { digestFile } from "../files/nodeDigestFile.js";
import { download } from "../files/nodeDownload.js";
import { openWeightsFile } from "../weights/formats/nodeWeightsFile.js";
import type { Weights } from "../weights/formats/weights.js";
import { hubSettings } from "../weights/hub/nodeHubCache.js";

/** The files under which torch-fidelity and pytorch-fid publish the same network; names end with their sha256's beginning. */
const published = [
	{
		name: "weights-inception-2015-12-05-6726825d.pth",
		server: "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0",
	},
	{
		name: "pt_inception-2015-12-05-6726825d.pth",
		server:
			"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights",
	},
] as const;
const sha256 = "6726825d";

export interface InceptionWeights {
	readonly weights: Weights;
	/** Names the weights in results: the beginning of the file's sha256. */
	readonly hash: string;
}

export interface InceptionWeightsOptions {
	/** A file (.pth or .safetensors); found or fetched unless given. */
	readonly path?: string;
	/** Nothing is fetched; HF_HUB_OFFLINE says so too. */
	readonly offline?: boolean;
	readonly onProgress?: (received: number, total: number | undefined) => void;
	readonly signal?: AbortSignal;
}

/**
 * The weights of FID's Inception v3: the file given, else one that torch's hub cache or ours has, else fetched from
 * torch-fidelity's release and checked.
 * @throws UserError when they cannot be had or are malformed.
 */
export async function openInceptionWeights(
	options: InceptionWeightsOptions = {},
): Promise<InceptionWeights> {
	const path = options.path ?? (await cachedOrFetched(options));
	const weights = await openWeightsFile(path);
	return { weights, hash: (await digestFile(path, "sha256")).slice(0, 8) };
}

async function cachedOrFetched(
	options: InceptionWeightsOptions,
): Promise<string> {
	const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
	const torch = process.env.TORCH_HOME || join(cache, "torch");
	const own = join(cache, "faster-diffusion", "metrics");
	for (const folder of [join(torch, "hub", "checkpoints"), own])
		for (const { name } of published) {
			const path = join(folder, name);
			if (await stat(path).catch(() => undefined)) return path;
		}
	const [{ name, server }] = published;
	const url = `${server}/${name}`;
	if (options.offline || (await hubSettings()).offline)
		throw new OptionError(
			"inceptionWeights",
			`FID needs Inception's weights: fetch ${url} and name the file`,
		);
	const path = join(own, name);
	const checksum = { algorithm: "sha256", hex: sha256 } as const;
	await download({ url, path, checksum }, options);
	return path;
}
