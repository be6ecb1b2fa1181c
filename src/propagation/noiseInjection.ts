import type { Sampler } from "../samplers/sampler.js";

/** Prior noise injection: how much of the initial noise is given back, and from which share of the training timesteps on. */
export interface NoiseInjection {
	/** alpha: the factor on the initial noise; 0 is off. The paper has 0.003. */
	readonly alpha: number;
	/** tau: injected where timestep / 1000 < tau. The paper has 0.5. */
	readonly until: number;
}

export const PAPER_INJECTION: NoiseInjection = { alpha: 0.003, until: 0.5 };
export const NO_INJECTION: NoiseInjection = { alpha: 0, until: 0 };

/**
 * Latents with prior noise injected: x + alpha · z_T where t / 1000 < tau, else `latents` themselves
 * (Faster Diffusion, equation 6; done after the prediction and right before the sampler's step, as the official parallel
 * pipeline does). For samplers whose latents are x_0 + sigma · noise the same amount is carried into their space by
 * sqrt(1 + sigma²).
 * @param initialNoise standard normal z_T, as many values as `latents`
 */
export function injectNoise(
	latents: Float32Array,
	initialNoise: Float32Array,
	sampler: Sampler,
	index: number,
	injection: NoiseInjection,
	trainTimesteps = 1000,
): Float32Array {
	if (
		injection.alpha === 0 ||
		sampler.timesteps[index] / trainTimesteps >= injection.until
	)
		return latents;
	const amount = injection.alpha * sampler.injectionScale(index);
	return latents.map((value, i) => value + amount * initialNoise[i]);
}
