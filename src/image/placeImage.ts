import { resizePillowBytes } from "./resize/pillowBytes.js";
import type { Pixels } from "./resize/pixels.js";
import type { ResizeMode } from "./resizeModes.js";

/** A part of a picture. */
export interface Box {
	readonly left: number;
	readonly top: number;
	readonly width: number;
	readonly height: number;
}

/** A picture at a size, resampled with Pillow's Lanczos filter where it has another. */
export function placeImage(
	image: Pixels,
	width: number,
	height: number,
	mode: ResizeMode,
): Pixels {
	if (image.width === width && image.height === height) return image;
	const stretched = (part: Pixels, w: number, h: number) =>
		resizePillowBytes(part, w, h, "lanczos");
	if (mode === "stretch") return stretched(image, width, height);
	if (mode === "crop") {
		const scale = Math.max(width / image.width, height / image.height);
		const w = Math.min(image.width, Math.max(1, Math.round(width / scale)));
		const h = Math.min(image.height, Math.max(1, Math.round(height / scale)));
		const left = Math.floor((image.width - w) / 2);
		const top = Math.floor((image.height - h) / 2);
		return stretched(
			cropImage(image, { left, top, width: w, height: h }),
			width,
			height,
		);
	}
	const scale = Math.min(width / image.width, height / image.height);
	const w = Math.min(width, Math.max(1, Math.round(image.width * scale)));
	const h = Math.min(height, Math.max(1, Math.round(image.height * scale)));
	const left = Math.floor((width - w) / 2);
	const top = Math.floor((height - h) / 2);
	return drawnOut(stretched(image, w, h), { left, top, width, height });
}

/** A part of a picture, on memory of its own. */
export function cropImage(
	{ width: all, channels, data }: Pixels,
	{ left, top, width, height }: Box,
): Pixels {
	const part = new Uint8Array(width * height * channels);
	for (let y = 0; y < height; y++) {
		const from = ((top + y) * all + left) * channels;
		part.set(
			data.subarray(from, from + width * channels),
			y * width * channels,
		);
	}
	return { width, height, channels, data: part };
}

/** A picture that stands at `left`, `top` of a larger one, its outermost pixels repeated to the borders. */
function drawnOut(image: Pixels, { left, top, width, height }: Box): Pixels {
	const { channels } = image;
	const data = new Uint8Array(width * height * channels);
	const within = (at: number, size: number) =>
		Math.min(size - 1, Math.max(0, at));
	for (let y = 0; y < height; y++)
		for (let x = 0; x < width; x++) {
			const from =
				(within(y - top, image.height) * image.width +
					within(x - left, image.width)) *
				channels;
			for (let c = 0; c < channels; c++)
				data[(y * width + x) * channels + c] = image.data[from + c];
		}
	return { width, height, channels, data };
}
