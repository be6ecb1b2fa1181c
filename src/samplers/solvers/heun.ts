import { boundedOriginal } from "../prediction.js";
import type { Sampler } from "../sampler.js";
import type { SamplerContext } from "../samplerContext.js";
import { karrasSchedule } from "../schedules/karrasSchedule.js";
import { derivativeAt, eulerStep, sigmaSpace } from "../sigmaSpace.js";
import { weightedSum } from "../weightedSum.js";

/** The first as it is, all others twice: evaluations of two-evaluation steps, the last of which has one. */
function paired(values: readonly number[]): number[] {
	return values.flatMap((value, i) => (i === 0 ? [value] : [value, value]));
}

/**
 * Heun's method (Karras et al. 2022, algorithm 1 without churn), as diffusers' HeunDiscreteScheduler. Two evaluations a
 * step, at both ends of it, but one for the last, which ends on sigma 0: 2 · steps - 1. Odd indices are the second
 * evaluations: they see the latents of an Euler step and go again from the step's start with the mean of both derivatives.
 */
export function heun(context: SamplerContext): Sampler {
	const { name, steps, config } = context;
	const schedule = karrasSchedule(context);
	const timesteps = paired(schedule.timesteps);
	const sigmas = [...paired(schedule.sigmas.slice(0, steps)), 0];
	const bound = (original: Float32Array) => boundedOriginal(original, config);
	return {
		name,
		predictionType: config.prediction_type,
		timesteps,
		sigmas: sigmas.slice(0, -1),
		initNoiseSigma: schedule.initNoiseSigma,
		stochastic: false,
		...sigmaSpace(sigmas),
		start: () => ({ history: [] }),
		step(state, input) {
			const { index } = input;
			const { denoised, derivative } = derivativeAt(
				config,
				input,
				sigmas[index],
				bound,
			);
			const { history, sample } = state;
			if (!sample) {
				const latents = eulerStep(
					input.latents,
					sigmas[index + 1] - sigmas[index],
					derivative,
				);
				const next = { history: [derivative], sample: input.latents };
				return { state: next, latents, denoised };
			}
			const width = sigmas[index] - sigmas[index - 1];
			const latents = weightedSum(
				[1, sample],
				[width / 2, history[0]],
				[width / 2, derivative],
			);
			return { state: { history: [] }, latents, denoised };
		},
	};
}
