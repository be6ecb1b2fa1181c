import type { Sampler } from "../sampler.js";
import type { SamplerContext } from "../samplerContext.js";
import { karrasSchedule } from "../schedules/karrasSchedule.js";
import { derivativeAt, eulerStep, sigmaSpace } from "../sigmaSpace.js";
import { weightedSum } from "../weightedSum.js";

/**
 * Ancestral sampling with Euler steps, as k-diffusion's sample_euler_ancestral and diffusers'
 * EulerAncestralDiscreteScheduler: an Euler step to below the next sigma, then noise up to it. One evaluation a step;
 * noise is drawn at every step, the last one too (where its weight is 0).
 */
export function eulerAncestral(context: SamplerContext): Sampler {
	const { name, steps, config } = context;
	const { timesteps, sigmas, initNoiseSigma } = karrasSchedule(context);
	return {
		name,
		predictionType: config.prediction_type,
		timesteps,
		sigmas: sigmas.slice(0, steps),
		initNoiseSigma,
		stochastic: true,
		...sigmaSpace(sigmas),
		start: () => ({ history: [] }),
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
	};
}
