import { UserError } from "../../errors/userError.js";
import {
	boundedOriginal,
	predictedOriginal,
	signalNoiseOfAlphaBar,
} from "../prediction.js";
import type { Sampler } from "../sampler.js";
import type { SamplerContext } from "../samplerContext.js";
import { alphasCumprod } from "../schedules/noiseSchedule.js";
import { trainedSigmas } from "../schedules/sigmaSchedule.js";
import { variancePreservingSpace } from "../variancePreservingSpace.js";
import { weightedSum } from "../weightedSum.js";

/** The standard deviation that consistency models take data to have. */
const SIGMA_DATA = 0.5;

/** `steps` of the timesteps that the model was distilled on, spread evenly by index, descending. */
function lcmTimesteps({ steps, config }: SamplerContext): number[] {
	const original = Math.min(
		config.original_inference_steps,
		config.num_train_timesteps,
	);
	if (steps > original)
		throw new UserError(
			`--steps ${steps}: lcm takes at most ${original} steps (original_inference_steps), 4 to 8 are usual`,
			{ code: "usage" },
		);
	const stride = Math.floor(config.num_train_timesteps / original);
	return Array.from({ length: steps }, (_, i) => {
		const skipped = Math.floor(i * (original / steps));
		return (original - skipped) * stride - 1;
	});
}

/**
 * Latent Consistency Models (Luo et al. 2023), multistep consistency sampling (algorithm 3), as diffusers' LCMScheduler:
 * for models distilled to it. One evaluation a step; fresh noise after every step but the last.
 */
export function lcm(context: SamplerContext): Sampler {
	const { name, config } = context;
	const alphas = alphasCumprod(config);
	const trained = trainedSigmas(alphas);
	const timesteps = lcmTimesteps(context);
	return {
		name,
		predictionType: config.prediction_type,
		timesteps,
		sigmas: timesteps.map((t) => trained[t]),
		stochastic: timesteps.length > 1,
		...variancePreservingSpace,
		start: () => ({ history: [] }),
		step(state, { index, prediction, latents, noise, images }) {
			const t = timesteps[index];
			const original = boundedOriginal(
				predictedOriginal(
					config.prediction_type,
					prediction,
					latents,
					signalNoiseOfAlphaBar(alphas[t]),
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
			const next = signalNoiseOfAlphaBar(alphas[timesteps[index + 1]]);
			return {
				state,
				latents: weightedSum([next.alpha, denoised], [next.sigma, noise()]),
				denoised,
			};
		},
	};
}
