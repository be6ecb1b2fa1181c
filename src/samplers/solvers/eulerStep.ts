import type { SamplerConfig } from "../config/schedulerConfig.js";
import { predictedOriginalInSigmaSpace } from "../prediction.js";
import type { SamplerInput } from "../sampler.js";

/**
 * x_0 as predicted, and the derivative dx/dsigma = (x - x_0) / sigma at it (Karras et al. 2022, eq. 3); rounded as
 * torch does, see eulerStep.
 */
export function derivativeAt(
	config: SamplerConfig,
	{ prediction, latents }: SamplerInput,
	sigma: number,
	bound: (original: Float32Array) => Float32Array = (original) => original,
): { denoised: Float32Array; derivative: Float32Array } {
	const denoised = bound(
		predictedOriginalInSigmaSpace(
			config.prediction_type,
			prediction,
			latents,
			sigma,
		),
	);
	return {
		denoised,
		derivative: latents.map((x, i) => Math.fround(x - denoised[i]) / sigma),
	};
}

/**
 * x + width · derivative, an Euler step. It rounds to float32 where torch does: at the sigma of 4096 where zero-terminal-SNR
 * schedules begin, latents lose four digits in this sum, and only the same rounding gives diffusers' images.
 */
export function eulerStep(
	latents: Float32Array,
	width: number,
	derivative: Float32Array,
): Float32Array {
	const step = Math.fround(width);
	return latents.map((x, i) => x + Math.fround(derivative[i] * step));
}
