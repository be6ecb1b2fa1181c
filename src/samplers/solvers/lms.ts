import { defineSampler } from "../defineSampler.js";
import { sigmaSpace } from "../latentSpace.js";
import { NO_HISTORY, type Sampler, type SamplerContext } from "../sampler.js";
import { karrasSchedule } from "../schedules/karrasSchedule.js";
import { weightedSum } from "../weightedSum.js";
import { derivativeAt } from "./eulerStep.js";
import { lagrangeIntegral } from "./lagrangeIntegral.js";

const MAX_ORDER = 4;

/**
 * Linear multistep (Adams-Bashforth with uneven steps in sigma) of order up to 4, as k-diffusion's sample_lms and
 * diffusers' LMSDiscreteScheduler. One evaluation a step.
 */
export function lms(context: SamplerContext): Sampler {
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
				const { index } = input;
				const { denoised, derivative } = derivativeAt(
					config,
					input,
					sigmas[index],
				);
				const history = [...state.history, derivative].slice(-MAX_ORDER);
				const points = history.map((_, k) => sigmas[index - k]);
				const terms = history
					.toReversed()
					.map(
						(values, k) =>
							[
								lagrangeIntegral(points, k, sigmas[index], sigmas[index + 1]),
								values,
							] as const,
					);
				const latents = weightedSum([1, input.latents], ...terms);
				return { state: { history }, latents, denoised };
			},
		},
	);
}
