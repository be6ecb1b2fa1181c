import {
	boundedOriginal,
	predictedNoise,
	predictedOriginal,
	signalNoiseOfAlphaBar,
} from "../prediction.js";
import type { Sampler } from "../sampler.js";
import type { SamplerContext } from "../samplerContext.js";
import { alphasCumprod } from "../schedules/noiseSchedule.js";
import { trainedSigmas } from "../schedules/sigmaSchedule.js";
import { spacedTimesteps } from "../schedules/timestepSpacing.js";
import { variancePreservingSpace } from "../variancePreservingSpace.js";
import { weightedSum } from "../weightedSum.js";

/**
 * DDIM: "Denoising Diffusion Implicit Models" (Song et al. 2020), as diffusers' DDIMScheduler. One evaluation a step;
 * deterministic for eta = 0.
 */
export function ddim({ name, steps, config, eta }: SamplerContext): Sampler {
	const alphas = alphasCumprod(config);
	const sigmas = trainedSigmas(alphas);
	const timesteps = spacedTimesteps(steps, config);
	const stride = Math.floor(config.num_train_timesteps / steps);
	const finalAlpha = config.set_alpha_to_one ? 1 : alphas[0];
	return {
		name,
		predictionType: config.prediction_type,
		timesteps,
		sigmas: timesteps.map((t) => sigmas[t]),
		stochastic: eta > 0,
		...variancePreservingSpace,
		start: () => ({ history: [] }),
		step(state, { index, prediction, latents, noise, images }) {
			const t = timesteps[index];
			const alphaBar = alphas[t];
			const previous = t - stride >= 0 ? alphas[t - stride] : finalAlpha;
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
	};
}
