import { defineSampler } from "../defineSampler.js";
import { sigmaSpace } from "../latentSpace.js";
import { NO_HISTORY, type Sampler, type SamplerContext } from "../sampler.js";
import { karrasSchedule } from "../schedules/karrasSchedule.js";
import { weightedSum } from "../weightedSum.js";
import { derivativeAt, eulerStep } from "./eulerStep.js";

/**
 * Ancestral sampling with Euler steps, as k-diffusion's sample_euler_ancestral and diffusers'
 * EulerAncestralDiscreteScheduler: an Euler step to below the next sigma, then noise up to it. One evaluation a step;
 * noise is drawn at every step, the last one too (where its weight is 0).
 */
export function eulerAncestral(context: SamplerContext): Sampler {
	const { config } = context;
	const schedule = karrasSchedule(context);
	const { sigmas } = schedule;
	return defineSampler(
		context,
		schedule,
		sigmaSpace(sigmas, schedule.initNoiseSigma),
		{
			stochastic: true,
			start: NO_HISTORY,
			step(state, input) {
				const from = sigmas[input.index];
				const to = sigmas[input.index + 1];
				// The noise of DDPM's posterior between the two levels, and what is left for the ODE.
				const up = Math.sqrt(
					Math.max((to ** 2 * (from ** 2 - to ** 2)) / from ** 2, 0),
				);
				const down = Math.sqrt(to ** 2 - up ** 2);
				const { denoised, derivative } = derivativeAt(config, input, from);
				const latents = weightedSum(
					[1, eulerStep(input.latents, down - from, derivative)],
					[up, input.noise()],
				);
				return { state, latents, denoised };
			},
		},
	);
}
