import type { RgbImage } from "../../src/image/rgbImage.js";
import type { ClipModel } from "../../src/metrics/clipModel.js";
import { psnr } from "../../src/metrics/psnr.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import type { CaptionBatch, Drawings, Way } from "./drawings.js";

/** Equal pictures would be infinitely alike. */
const MOST_DECIBELS = 99;

/** What pictures say that latents do not. */
export interface Pictures {
	/** Of each caption's picture to the plain run's, in dB. */
	psnr(way: Way, plain: Way, batch: CaptionBatch): Promise<Float32Array>;
	/** The judge's embeddings `[captions, width]`. */
	embeddings(way: Way, batch: CaptionBatch): Promise<Float32Array>;
	/** Whether they are there already. */
	hasEmbeddings(way: Way, batch: CaptionBatch): Promise<boolean>;
}

export function pictures(
	pipeline: Pipeline,
	clip: ClipModel,
	drawings: Drawings,
): Pictures {
	// one batch's plain pictures stand beside many others
	const recent = new Map<string, RgbImage[]>();
	async function decoded(way: Way, batch: CaptionBatch): Promise<RgbImage[]> {
		const key = JSON.stringify([way, batch]);
		const known = recent.get(key);
		if (known) return known;
		const data = await drawings.latents(way, batch);
		const images = await pipeline.decode({ dims: drawings.dims(batch), data });
		recent.set(key, images);
		const [oldest] = recent.keys();
		if (recent.size > 60) recent.delete(oldest);
		return images;
	}
	return {
		psnr: (way, plain, batch) =>
			drawings.kept("psnr", [way, plain, batch], async () => {
				const truth = await decoded(plain, batch);
				const own = await decoded(way, batch);
				return Float32Array.from(own, (image, n) =>
					Math.min(MOST_DECIBELS, psnr(image, truth[n])),
				);
			}),
		hasEmbeddings: (way, batch) =>
			drawings.has("embeddings", [clip.madeWith, way, batch]),
		embeddings: (way, batch) =>
			drawings.kept("embeddings", [clip.madeWith, way, batch], async () => {
				const images = await decoded(way, batch);
				const { data } = await clip.embedImages(
					images.map((image) => ({ ...image, channels: 3 })),
				);
				return Float32Array.from(data);
			}),
	};
}
