import { type RgbImage, rgbImage } from "./rgbImage.js";

/** A picture as decoders give it: three bytes a pixel, or four with alpha (a canvas's ImageData is one), rows from the top. */
export interface PixelImage {
	readonly width: number;
	readonly height: number;
	readonly data: Uint8Array | Uint8ClampedArray;
}

/** Whether a value that a JavaScript caller gave is a picture. */
export function isPixelImage(value: unknown): value is PixelImage {
	const { width, height, data } = (value ?? {}) as Partial<PixelImage>;
	if (!Number.isSafeInteger(width) || !Number.isSafeInteger(height))
		return false;
	const count = (width as number) * (height as number);
	return (
		count > 0 &&
		(data instanceof Uint8Array || data instanceof Uint8ClampedArray) &&
		(data.length === 3 * count || data.length === 4 * count)
	);
}

/** A picture laid on a colour where it is transparent. */
export function onColour(
	{ width, height, data }: PixelImage,
	[red, green, blue]: readonly [number, number, number],
): RgbImage {
	const count = width * height;
	if (data.length === 3 * count)
		return rgbImage(width, height, new Uint8Array(data));
	const rgb = new Uint8Array(3 * count);
	const colour = [red, green, blue];
	for (let i = 0; i < count; i++) {
		const alpha = data[4 * i + 3] / 255;
		for (let c = 0; c < 3; c++)
			rgb[3 * i + c] = Math.round(
				data[4 * i + c] * alpha + colour[c] * (1 - alpha),
			);
	}
	return rgbImage(width, height, rgb);
}

/** The brightness of each pixel, 0 to 255, by the weights of ITU-R 601 as Pillow's mode "L" has them. */
export function brightness({ width, height, data }: RgbImage): Uint8Array {
	return Uint8Array.from({ length: width * height }, (_, i) => {
		const [r, g, b] = [data[3 * i], data[3 * i + 1], data[3 * i + 2]];
		return (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
	});
}

/** The bytes of a colour written "#rrggbb". */
export function colourOf(hex: string): [number, number, number] {
	const value = Number.parseInt(hex.slice(1), 16);
	return [value >> 16, (value >> 8) & 255, value & 255];
}
