import type { Sampler, SamplerContext } from "../sampler.js";
import { derivativeAt, eulerStep } from "./eulerStep.js";
import { sigmaSampler } from "./sigmaSampler.js";

/**
 * Euler's method on the probability flow ODE (Karras et al. 2022, algorithm 1 without its correction and churn), as
 * diffusers' EulerDiscreteScheduler and k-diffusion's sample_euler. One evaluation a step.
 */
export function euler(context: SamplerContext): Sampler {
	return sigmaSampler(context, false, (state, input, { from, to }) => {
		const { denoised, derivative } = derivativeAt(context.config, input, from);
		const latents = eulerStep(input.latents, to - from, derivative);
		return { state, latents, denoised };
	});
}
