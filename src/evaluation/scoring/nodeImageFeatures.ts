import type { DatasetProblem } from "../../datasets/captionedImages.js";
import type { ImageSource } from "../../datasets/nodeImageSource.js";
import { UserError } from "../../errors/userError.js";
import type { Pixels } from "../../image/resize/pixels.js";
import type { ClipModel } from "../../metrics/clipModel.js";
import { accumulateStatistics } from "../../metrics/featureStatistics.js";
import type { Features } from "../../metrics/features.js";
import type { InceptionExtractor } from "../../metrics/nodeInceptionExtractor.js";
import type { ImageFeatures } from "./imageFeatures.js";
import { readPictures } from "./nodeReadPictures.js";

export interface ImageFeaturesOptions {
	readonly inception?: InceptionExtractor;
	/** Keep every pooled feature (KID), not only their statistics. */
	readonly keepPooled?: boolean;
	readonly clip?: ClipModel;
	readonly prepare?: (pixels: Pixels) => Pixels;
	readonly batch: number;
	readonly limit: number;
	readonly signal?: AbortSignal;
	readonly onProgress?: (done: number, total: number) => void;
}

/**
 * One pass over a set of images: each is decoded once and goes through the networks that are given. Memory is bounded
 * by a batch and the features that are kept.
 * @throws UserError when too many images are broken, or fewer than one is left.
 */
export async function imageFeatures(
	source: ImageSource,
	names: readonly string[],
	options: ImageFeaturesOptions,
): Promise<ImageFeatures> {
	const { inception, clip, keepPooled = false } = options;
	const rows = new Map<string, number>();
	const statistics = inception ? accumulateStatistics(2048) : undefined;
	const kept = {
		pooled: featureList(names.length),
		logits: featureList(names.length),
		embeddings: featureList(names.length),
	};
	let problems: readonly DatasetProblem[] = [];
	const batches = readPictures(source, names, {
		...options,
		onProblems: (found) => {
			problems = found;
		},
	});
	let done = 0;
	for await (const pictures of batches) {
		for (const { name } of pictures) rows.set(name, rows.size);
		const images = pictures.map(({ pixels }) => pixels);
		if (images.length > 0 && inception) {
			const outputs = await inception.extract(images);
			statistics?.add(outputs["2048"].data);
			if (keepPooled) kept.pooled.add(outputs["2048"].data, images.length);
			if (outputs.logits_unbiased)
				kept.logits.add(outputs.logits_unbiased.data, images.length);
		}
		if (images.length > 0 && clip)
			kept.embeddings.add((await clip.embedImages(images)).data, images.length);
		done = Math.min(names.length, done + options.batch);
		options.onProgress?.(done, names.length);
	}
	const count = rows.size;
	if (count === 0)
		throw new UserError(`${source.label}: no image could be read`);
	const pooled = kept.pooled.features();
	const logits = kept.logits.features();
	const embeddings = kept.embeddings.features();
	return {
		rows,
		count,
		problems,
		...(statistics && count > 1 ? { statistics: statistics.statistics() } : {}),
		...(pooled ? { pooled } : {}),
		...(logits ? { logits } : {}),
		...(embeddings ? { embeddings } : {}),
	};
}

/** Feature vectors that come in batches, gathered in one array for at most `capacity` of them. */
function featureList(capacity: number) {
	let data: Float32Array | undefined;
	let count = 0;
	let width = 0;
	return {
		add(batch: Float32Array, batchCount: number): void {
			width = batch.length / batchCount;
			data ??= new Float32Array(capacity * width);
			data.set(batch, count * width);
			count += batchCount;
		},
		features: (): Features | undefined =>
			data && { count, width, data: data.subarray(0, count * width) },
	};
}
