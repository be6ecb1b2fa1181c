import { defineSampler } from "../defineSampler.js";
import { sigmaSpace } from "../latentSpace.js";
import { NO_HISTORY, type Sampler, type SamplerContext } from "../sampler.js";
import { karrasSchedule } from "../schedules/karrasSchedule.js";
import { derivativeAt, eulerStep } from "./eulerStep.js";

/**
 * Euler's method on the probability flow ODE (Karras et al. 2022, algorithm 1 without its correction and churn), as
 * diffusers' EulerDiscreteScheduler and k-diffusion's sample_euler. One evaluation a step.
 */
export function euler(context: SamplerContext): Sampler {
	const { config } = context;
	const schedule = karrasSchedule(context);
	const { sigmas } = schedule;
	return defineSampler(
		context,
		schedule,
		sigmaSpace(sigmas, schedule.initNoiseSigma),
		{
			stochastic: false,
			start: NO_HISTORY,
			step(state, input) {
				const sigma = sigmas[input.index];
				const { denoised, derivative } = derivativeAt(config, input, sigma);
				const latents = eulerStep(
					input.latents,
					sigmas[input.index + 1] - sigma,
					derivative,
				);
				return { state, latents, denoised };
			},
		},
	);
}
