import { predictedOriginalInSigmaSpace } from "./prediction.js";
import type { SamplerInput } from "./sampler.js";
import type { SamplerConfig } from "./samplerConfig.js";
import { weightedSum } from "./weightedSum.js";

/** What samplers in sigma space share: latents are x_0 + sigma · noise, the network wants them at unit variance. */
export function sigmaSpace(sigmas: readonly number[]) {
	return {
		scaleModelInput: (latents: Float32Array, index: number) =>
			weightedSum([1 / Math.sqrt(sigmas[index] ** 2 + 1), latents]),
		injectionScale: (index: number) => Math.sqrt(1 + sigmas[index] ** 2),
	};
}

/** x_0 as predicted, and the derivative dx/dsigma = (x - x_0) / sigma at it (Karras et al. 2022, eq. 3). */
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
		derivative: weightedSum([1 / sigma, latents], [-1 / sigma, denoised]),
	};
}
