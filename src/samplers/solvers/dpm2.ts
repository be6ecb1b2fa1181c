import { roundHalfEven } from "../../tensor/roundHalfEven.js";
import { defineSampler } from "../defineSampler.js";
import { sigmaSpace } from "../latentSpace.js";
import type { Sampler, SamplerContext, SamplerState } from "../sampler.js";
import { karrasSchedule } from "../schedules/karrasSchedule.js";
import { timestepOfSigma } from "../schedules/sigmaSchedule.js";
import { derivativeAt, eulerStep } from "./eulerStep.js";

interface Dpm2State extends SamplerState {
	/** Between the two evaluations of a step: the latents that it begins with. */
	readonly start: Float32Array | null;
}

/**
 * DPM2: the midpoint method in log sigma (Karras et al. 2022, algorithm 2 without churn; k-diffusion's sample_dpm_2), as
 * diffusers' KDPM2DiscreteScheduler. Two evaluations a step, the second at the geometric mean of the step's sigmas, but
 * one for the last, which ends on sigma 0: 2 · steps - 1. Odd indices are the second evaluations.
 */
export function dpm2(context: SamplerContext): Sampler {
	const { steps, config } = context;
	const schedule = karrasSchedule(context);
	const { trained } = schedule;
	const timesteps: number[] = [];
	const sigmas: number[] = [];
	for (let i = 0; i < steps; i++) {
		if (i > 0) {
			const middle = Math.fround(
				Math.sqrt(schedule.sigmas[i - 1] * schedule.sigmas[i]),
			);
			sigmas.push(middle);
			timesteps.push(timestepOfSigma(middle, trained));
		}
		sigmas.push(schedule.sigmas[i]);
		timesteps.push(
			config.use_karras_sigmas
				? roundHalfEven(schedule.timesteps[i])
				: schedule.timesteps[i],
		);
	}
	const end = [...sigmas, 0];
	return defineSampler<Dpm2State>(
		context,
		{ timesteps, sigmas },
		sigmaSpace(sigmas, schedule.initNoiseSigma),
		{
			stochastic: false,
			evaluationsPerStep: 2,
			start: { history: [], start: null },
			step({ start }, input) {
				const { index } = input;
				const { denoised, derivative } = derivativeAt(
					config,
					input,
					sigmas[index],
				);
				if (!start) {
					const latents = eulerStep(
						input.latents,
						end[index + 1] - sigmas[index],
						derivative,
					);
					return {
						state: { history: [], start: input.latents },
						latents,
						denoised,
					};
				}
				const latents = eulerStep(
					start,
					end[index + 1] - sigmas[index - 1],
					derivative,
				);
				return { state: { history: [], start: null }, latents, denoised };
			},
		},
	);
}
