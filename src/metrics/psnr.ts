import { UserError } from "../errors/userError.js";
import type { RgbImage } from "../image/rgbImage.js";

/**
 * Peak signal-to-noise ratio of two pictures, in decibels: 10 log10(255² / mean squared difference) over all pixels and channels;
 * Infinity for equal ones.
 * @throws UserError when their sizes differ.
 */
export function psnr(a: RgbImage, b: RgbImage): number {
	if (a.width !== b.width || a.height !== b.height)
		throw new UserError(
			`pictures of ${a.width}×${a.height} and ${b.width}×${b.height} cannot be compared`,
		);
	let sum = 0;
	for (let i = 0; i < a.data.length; i++) sum += (a.data[i] - b.data[i]) ** 2;
	return 10 * Math.log10((255 * 255 * a.data.length) / sum);
}
