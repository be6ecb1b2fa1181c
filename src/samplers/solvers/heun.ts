import { defineSampler } from "../defineSampler.js";
import { sigmaSpace } from "../latentSpace.js";
import { boundedOriginal } from "../prediction.js";
import type { Sampler, SamplerContext, SamplerState } from "../sampler.js";
import { karrasSchedule } from "../schedules/karrasSchedule.js";
import { weightedSum } from "../weightedSum.js";
import { derivativeAt, eulerStep } from "./eulerStep.js";

/** The first as it is, all others twice: evaluations of two-evaluation steps, the last of which has one. */
function paired(values: readonly number[]): number[] {
	return values.flatMap((value, i) => (i === 0 ? [value] : [value, value]));
}

interface HeunState extends SamplerState {
	/** Between the two evaluations of a step: the latents that it begins with; the derivative at them is in the history. */
	readonly start: Float32Array | null;
}

/**
 * Heun's method (Karras et al. 2022, algorithm 1 without churn), as diffusers' HeunDiscreteScheduler. Two evaluations a
 * step, at both ends of it, but one for the last, which ends on sigma 0: 2 · steps - 1. Odd indices are the second
 * evaluations: they see the latents of an Euler step and go again from the step's start with the mean of both derivatives.
 */
export function heun(context: SamplerContext): Sampler {
	const { steps, config } = context;
	const schedule = karrasSchedule(context);
	const timesteps = paired(schedule.timesteps);
	const sigmas = [...paired(schedule.sigmas.slice(0, steps)), 0];
	const bound = (original: Float32Array) => boundedOriginal(original, config);
	return defineSampler<HeunState>(
		context,
		{ timesteps, sigmas },
		sigmaSpace(sigmas, schedule.initNoiseSigma),
		{
			stochastic: false,
			evaluationsPerStep: 2,
			start: { history: [], start: null },
			step({ history, start }, input) {
				const { index } = input;
				const { denoised, derivative } = derivativeAt(
					config,
					input,
					sigmas[index],
					bound,
				);
				if (!start) {
					const latents = eulerStep(
						input.latents,
						sigmas[index + 1] - sigmas[index],
						derivative,
					);
					const state = { history: [derivative], start: input.latents };
					return { state, latents, denoised };
				}
				const width = sigmas[index] - sigmas[index - 1];
				const latents = weightedSum(
					[1, start],
					[width / 2, history[0]],
					[width / 2, derivative],
				);
				return { state: { history: [], start: null }, latents, denoised };
			},
		},
	);
}
