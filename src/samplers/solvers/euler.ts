import type { Sampler } from "../sampler.js";
import type { SamplerContext } from "../samplerContext.js";
import { karrasSchedule } from "../schedules/karrasSchedule.js";
import { derivativeAt, eulerStep, sigmaSpace } from "../sigmaSpace.js";

/**
 * Euler's method on the probability flow ODE (Karras et al. 2022, algorithm 1 without its correction and churn), as
 * diffusers' EulerDiscreteScheduler and k-diffusion's sample_euler. One evaluation a step.
 */
export function euler(context: SamplerContext): Sampler {
	const { name, steps, config } = context;
	const { timesteps, sigmas, initNoiseSigma } = karrasSchedule(context);
	return {
		name,
		predictionType: config.prediction_type,
		timesteps,
		sigmas: sigmas.slice(0, steps),
		initNoiseSigma,
		stochastic: false,
		...sigmaSpace(sigmas),
		start: () => ({ history: [] }),
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
	};
}
