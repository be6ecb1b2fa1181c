import { defineSampler } from "../defineSampler.js";
import { variancePreservingSpace } from "../latentSpace.js";
import {
	predictedNoise,
	predictedOriginal,
	signalNoiseOfAlphaBar,
} from "../prediction.js";
import { NO_HISTORY, type Sampler, type SamplerContext } from "../sampler.js";
import { alphaSchedule } from "../schedules/alphaSchedule.js";
import { distilledTimesteps } from "../schedules/distilledTimesteps.js";
import { weightedSum } from "../weightedSum.js";

/**
 * Trajectory Consistency Distillation (Zheng et al. 2024), strategic stochastic sampling (algorithm 4), as diffusers'
 * TCDScheduler: for models distilled to it. One evaluation a step. The network leads from t to s = (1 - gamma) t', below the
 * next timestep t', and fresh noise up to t': gamma (`eta`) 0 adds none, 1 goes by way of clean latents as LCM does.
 */
export function tcd(context: SamplerContext): Sampler {
	const { config, eta: gamma, grid } = context;
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
			stochastic: gamma > 0 && timesteps.length > 1,
			start: NO_HISTORY,
			step(state, { index, prediction, latents, noise }) {
				const level = signalNoiseOfAlphaBar(alphaBarAt(timesteps[index]));
				const next = timesteps[index + 1] ?? 0;
				// torch multiplies in float32 before it rounds down
				const below = alphaBarAt(
					Math.floor(Math.fround(Math.fround(1 - gamma) * next)),
				);
				const { alpha, sigma } = signalNoiseOfAlphaBar(below);
				const type = config.prediction_type;
				const denoised = predictedOriginal(type, prediction, latents, level);
				const reached = weightedSum(
					[alpha, denoised],
					[sigma, predictedNoise(type, prediction, latents, level)],
				);
				if (gamma === 0 || index === timesteps.length - 1)
					return { state, latents: reached, denoised };
				const kept = alphaBarAt(next) / below;
				return {
					state,
					latents: weightedSum(
						[Math.sqrt(kept), reached],
						[Math.sqrt(Math.max(1 - kept, 0)), noise()],
					),
					denoised,
				};
			},
		},
	);
}
