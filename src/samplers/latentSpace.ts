import { signalNoiseOfRatio } from "./prediction.js";
import { weightedSum } from "./weightedSum.js";

/** What a sampler's latents are made of: how clean latents x_0 and noise stand together in them at each evaluation. */
export interface LatentSpace {
	/** What standard normal noise is multiplied with to give the initial latents. */
	readonly initNoiseSigma: number;
	/** The network's input for latents at the evaluation `index`; a new array, or `latents` itself where nothing is to be scaled. */
	scaleModelInput(latents: Float32Array, index: number): Float32Array;
	/**
	 * What one unit of noise in variance-preserving space is worth in this space at the evaluation `index`: 1 in
	 * variance-preserving space, sqrt(1 + sigma²) where latents are x_0 + sigma · noise.
	 */
	injectionScale(index: number): number;
	/**
	 * Clean latents with noise at the level of the evaluation `index`: what a run that starts there from a picture begins
	 * with, and what an unmasked region is set to (diffusers' `add_noise`).
	 * @param noise standard normal, as many values as `original`
	 */
	noised(
		original: Float32Array,
		noise: Float32Array,
		index: number,
	): Float32Array;
}

/** Latents are α x_0 + σ · noise with α² + σ² = 1: noise begins at unit variance, and the network's input needs no scaling. */
export function variancePreservingSpace(
	sigmas: readonly number[],
): LatentSpace {
	return {
		initNoiseSigma: 1,
		scaleModelInput: (latents) => latents,
		injectionScale: () => 1,
		noised(original, noise, index) {
			const { alpha, sigma } = signalNoiseOfRatio(sigmas[index]);
			return weightedSum([alpha, original], [sigma, noise]);
		},
	};
}

/** Latents are x_0 + sigma · noise (k-diffusion's space; Karras et al. 2022); the network wants them at unit variance. */
export function sigmaSpace(
	sigmas: readonly number[],
	initNoiseSigma: number,
): LatentSpace {
	return {
		initNoiseSigma,
		scaleModelInput: (latents, index) =>
			weightedSum([1 / Math.sqrt(sigmas[index] ** 2 + 1), latents]),
		injectionScale: (index) => Math.sqrt(1 + sigmas[index] ** 2),
		noised: (original, noise, index) =>
			weightedSum([1, original], [sigmas[index], noise]),
	};
}
