import type { PixelImage } from "../../../src/image/pixelImage.js";
import { onColour } from "../../../src/image/pixelImage.js";
import { psnr } from "../../../src/metrics/psnr.js";

/** Peak signal-to-noise ratio of two pictures in decibels, Infinity for equal ones; undefined where their sizes differ. */
export function likeness(a: PixelImage, b: PixelImage): number | undefined {
	if (a.width !== b.width || a.height !== b.height) return undefined;
	const white = [255, 255, 255] as const;
	return psnr(onColour(a, white), onColour(b, white));
}

/** Decibels as they are shown. */
export const decibels = (value: number): string =>
	Number.isFinite(value) ? `${value.toFixed(1)} dB` : "identical";
