import type { Sampler, SamplerContext } from "../sampler.js";
import { weightedSum } from "../weightedSum.js";
import { derivativeAt } from "./eulerStep.js";
import { lagrangeIntegral } from "./lagrangeIntegral.js";
import { sigmaSampler } from "./sigmaSampler.js";

const MAX_ORDER = 4;

/**
 * Linear multistep (Adams-Bashforth with uneven steps in sigma) of order up to 4, as k-diffusion's sample_lms and
 * diffusers' LMSDiscreteScheduler. One evaluation a step.
 */
export function lms(context: SamplerContext): Sampler {
	return sigmaSampler(context, false, (state, input, { from, to, sigmas }) => {
		const { denoised, derivative } = derivativeAt(context.config, input, from);
		const history = [...state.history, derivative].slice(-MAX_ORDER);
		const points = history.map((_, k) => sigmas[input.index - k]);
		const terms = history
			.toReversed()
			.map(
				(values, k) => [lagrangeIntegral(points, k, from, to), values] as const,
			);
		const latents = weightedSum([1, input.latents], ...terms);
		return { state: { history }, latents, denoised };
	});
}
