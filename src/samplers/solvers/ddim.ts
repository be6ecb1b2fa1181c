import { defineSampler } from "../defineSampler.js";
import { variancePreservingSpace } from "../latentSpace.js";
import {
	boundedOriginal,
	predictedNoise,
	predictedOriginal,
	signalNoiseOfAlphaBar,
} from "../prediction.js";
import { NO_HISTORY, type Sampler, type SamplerContext } from "../sampler.js";
import { alphaSchedule } from "../schedules/alphaSchedule.js";
import { weightedSum } from "../weightedSum.js";

/**
 * DDIM: "Denoising Diffusion Implicit Models" (Song et al. 2020), as diffusers' DDIMScheduler. One evaluation a step;
 * deterministic for eta = 0.
 */
export function ddim(context: SamplerContext): Sampler {
	const { steps, config, eta, grid } = context;
	const schedule = alphaSchedule(context);
	const { timesteps, alphaBarAt } = schedule;
	const stride = Math.floor(config.num_train_timesteps / steps);
	return defineSampler(
		context,
		schedule,
		variancePreservingSpace(schedule.sigmas),
		{
			stochastic: eta > 0,
			start: NO_HISTORY,
			step(state, { index, prediction, latents, noise, images }) {
				const t = timesteps[index];
				const alphaBar = alphaBarAt(t);
				// diffusers' DDIM goes down by the stride, not to the next timestep; a given grid has none.
				const previous = alphaBarAt(
					grid ? (timesteps[index + 1] ?? -1) : t - stride,
				);
				const level = signalNoiseOfAlphaBar(alphaBar);
				const denoised = boundedOriginal(
					predictedOriginal(config.prediction_type, prediction, latents, level),
					config,
					images,
				);
				const predicted = predictedNoise(
					config.prediction_type,
					prediction,
					latents,
					level,
				);
				// Eq. 16: sigma_t(eta).
				const variance =
					((1 - previous) / (1 - alphaBar)) * (1 - alphaBar / previous);
				const deviation = eta * Math.sqrt(variance);
				// Eq. 12: x_0's part, the direction pointing to x_t, and fresh noise.
				const next = weightedSum(
					[Math.sqrt(previous), denoised],
					[Math.sqrt(Math.max(1 - previous - deviation ** 2, 0)), predicted],
					...(eta > 0 ? [[deviation, noise()] as const] : []),
				);
				return { state, latents: next, denoised };
			},
		},
	);
}
