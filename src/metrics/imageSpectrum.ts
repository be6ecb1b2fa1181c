import type { RgbImage } from "../image/rgbImage.js";
import { type RadialSpectrum, radialSpectrum } from "./radialSpectrum.js";

/** Radial power spectrum of an image's luma (Rec. 601 weights of the 8-bit values, 0 to 1). */
export function imageSpectrum({
	width,
	height,
	data,
}: RgbImage): RadialSpectrum {
	const luma = new Float64Array(width * height);
	for (let i = 0; i < luma.length; i++)
		luma[i] =
			(0.299 * data[3 * i] +
				0.587 * data[3 * i + 1] +
				0.114 * data[3 * i + 2]) /
			255;
	return radialSpectrum(luma, { count: 1, height, width });
}

/** Spectra of the same rings, averaged. */
export function meanSpectrum(
	spectra: readonly RadialSpectrum[],
): RadialSpectrum {
	return {
		frequencies: spectra[0].frequencies,
		power: spectra[0].power.map(
			(_, ring) =>
				spectra.reduce((sum, { power }) => sum + power[ring], 0) /
				spectra.length,
		),
	};
}
