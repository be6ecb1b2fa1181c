import { defineSampler } from "../defineSampler.js";
import { variancePreservingSpace } from "../latentSpace.js";
import {
	boundedOriginal,
	predictedOriginal,
	signalNoiseOfAlphaBar,
} from "../prediction.js";
import { NO_HISTORY, type Sampler, type SamplerContext } from "../sampler.js";
import { alphaSchedule } from "../schedules/alphaSchedule.js";
import { distilledTimesteps } from "../schedules/distilledTimesteps.js";
import { weightedSum } from "../weightedSum.js";

/** The standard deviation that consistency models take data to have. */
const SIGMA_DATA = 0.5;

/**
 * Latent Consistency Models (Luo et al. 2023), multistep consistency sampling (algorithm 3), as diffusers' LCMScheduler:
 * for models distilled to it. One evaluation a step; fresh noise after every step but the last.
 */
export function lcm(context: SamplerContext): Sampler {
	const { config, grid } = context;
	const schedule = alphaSchedule(
		context,
		grid?.timesteps ?? distilledTimesteps(context),
	);
	const { timesteps, alphaBarAt } = schedule;
	return defineSampler(
		context,
		schedule,
		variancePreservingSpace(schedule.sigmas),
		{
			stochastic: timesteps.length > 1,
			start: NO_HISTORY,
			step(state, { index, prediction, latents, noise, images }) {
				const t = timesteps[index];
				const original = boundedOriginal(
					predictedOriginal(
						config.prediction_type,
						prediction,
						latents,
						signalNoiseOfAlphaBar(alphaBarAt(t)),
					),
					config,
					images,
				);
				// The boundary condition: f(x, 0) = x (consistency models, eq. 5).
				const scaled = t * config.timestep_scaling;
				const spread = scaled ** 2 + SIGMA_DATA ** 2;
				const denoised = weightedSum(
					[scaled / Math.sqrt(spread), original],
					[SIGMA_DATA ** 2 / spread, latents],
				);
				if (index === timesteps.length - 1)
					return { state, latents: denoised, denoised };
				const next = signalNoiseOfAlphaBar(alphaBarAt(timesteps[index + 1]));
				return {
					state,
					latents: weightedSum([next.alpha, denoised], [next.sigma, noise()]),
					denoised,
				};
			},
		},
	);
}
