import type { Sampler, SamplerContext } from "../sampler.js";
import { weightedSum } from "../weightedSum.js";
import { derivativeAt, eulerStep } from "./eulerStep.js";
import { sigmaSampler } from "./sigmaSampler.js";

/**
 * Ancestral sampling with Euler steps, as k-diffusion's sample_euler_ancestral and diffusers'
 * EulerAncestralDiscreteScheduler: an Euler step to below the next sigma, then noise up to it. One evaluation a step;
 * noise is drawn at every step, the last one too (where its weight is 0).
 */
export function eulerAncestral(context: SamplerContext): Sampler {
	return sigmaSampler(context, true, (state, input, { from, to }) => {
		// The noise of DDPM's posterior between the two levels, and what is left for the ODE.
		const up = Math.sqrt(
			Math.max((to ** 2 * (from ** 2 - to ** 2)) / from ** 2, 0),
		);
		const down = Math.sqrt(to ** 2 - up ** 2);
		const { denoised, derivative } = derivativeAt(context.config, input, from);
		const latents = weightedSum(
			[1, eulerStep(input.latents, down - from, derivative)],
			[up, input.noise()],
		);
		return { state, latents, denoised };
	});
}
