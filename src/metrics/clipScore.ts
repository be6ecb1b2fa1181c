import { UserError } from "../errors/userError.js";
import type { Features } from "./features.js";

/** What Hessel et al. put before a caption; torchmetrics puts nothing. */
export const hesselPrefix = "A photo depicts ";

/**
 * Cosine of each picture with its own caption, row by row.
 * @param images CLIP image embeddings `[n, width]`, of any length
 * @param texts CLIP text embeddings `[n, width]`
 * @throws UserError when they are not of the same shape.
 */
export function cosines(images: Features, texts: Features): Float64Array {
	if (images.width !== texts.width || images.count !== texts.count)
		throw new UserError(
			`CLIP scores need one caption a picture from the same model: ${images.count} pictures of ${images.width} values, ${texts.count} captions of ${texts.width}`,
		);
	const { width } = images;
	return Float64Array.from({ length: images.count }, (_, row) => {
		let product = 0;
		let image = 0;
		let text = 0;
		for (let i = row * width; i < (row + 1) * width; i++) {
			product += images.data[i] * texts.data[i];
			image += images.data[i] ** 2;
			text += texts.data[i] ** 2;
		}
		return product / Math.sqrt(image * text);
	});
}

/**
 * CLIP score as torchmetrics computes it: the mean of 100 · cos, and 0 where that is negative (clamped after the
 * mean). NaN for no pictures.
 */
export function torchmetricsClipScore(values: ArrayLike<number>): number {
	let sum = 0;
	for (let i = 0; i < values.length; i++) sum += 100 * values[i];
	return Math.max(0, sum / values.length);
}

/** CLIPScore of each picture as Hessel et al. 2021 (arXiv 2104.08718) define it: 2.5 · max(cos, 0). */
export function hesselClipScores(values: ArrayLike<number>): Float64Array {
	return Float64Array.from(values, (value) => 2.5 * Math.max(value, 0));
}

/**
 * A line about captions that are longer than CLIP reads; undefined where none is.
 * @param unread what `ClipModel.unread` says of a text
 */
export function cutCaptions(
	captions: readonly string[],
	unread: (text: string) => string,
): string | undefined {
	const cut = captions.flatMap((caption) => {
		const words = unread(caption);
		return words ? [words] : [];
	});
	if (cut.length === 0) return undefined;
	const [first] = cut;
	return `${cut.length} of ${captions.length} captions are longer than the text encoder reads; their ends are not looked at: "${first.length > 60 ? `${first.slice(0, 60)}…` : first}"${cut.length > 1 ? ", …" : ""}`;
}
