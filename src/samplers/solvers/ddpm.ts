import { UserError } from "../../errors/userError.js";
import type { SamplerConfig } from "../config/schedulerConfig.js";
import { defineSampler } from "../defineSampler.js";
import { variancePreservingSpace } from "../latentSpace.js";
import {
	boundedOriginal,
	predictedOriginal,
	signalNoiseOfAlphaBar,
} from "../prediction.js";
import { NO_HISTORY, type Sampler, type SamplerContext } from "../sampler.js";
import { alphaSchedule } from "../schedules/alphaSchedule.js";
import { weightedSum } from "../weightedSum.js";

/** The two halves of each image's channels: the mean's prediction and the variance's. */
function splitVariance(
	prediction: Float32Array,
	images: number,
): { mean: Float32Array; variance: Float32Array } {
	const size = prediction.length / images / 2;
	const mean = new Float32Array(prediction.length / 2);
	const variance = new Float32Array(prediction.length / 2);
	for (let i = 0; i < images; i++) {
		const from = i * 2 * size;
		mean.set(prediction.subarray(from, from + size), i * size);
		variance.set(prediction.subarray(from + size, from + 2 * size), i * size);
	}
	return { mean, variance };
}

/**
 * Standard deviations of the noise to add, one for all values or (where the network predicts it) one each.
 * `small` is the posterior's variance (DDPM, eq. 7), `large` beta_t. The `_log` types are the same variances by way of
 * their logarithms (in diffusers 0.42, fixed_large_log takes the root of a negative number; here it is fixed_large).
 */
function deviations(
	type: SamplerConfig["variance_type"],
	small: number,
	large: number,
	predicted: Float32Array | undefined,
): number | Float32Array {
	if (type === "fixed_large" || type === "fixed_large_log")
		return Math.sqrt(large);
	if (type !== "learned" && type !== "learned_range") return Math.sqrt(small);
	if (!predicted)
		throw new UserError(
			`scheduler_config.json: variance_type ${type} needs a network with twice the channels; this one predicts no variance`,
		);
	if (type === "learned") return predicted.map(Math.sqrt);
	// "Improved DDPM" (Nichol & Dhariwal 2021), eq. 15.
	return predicted.map((value) => {
		const share = (value + 1) / 2;
		return Math.exp(
			0.5 * (share * Math.log(large) + (1 - share) * Math.log(small)),
		);
	});
}

/**
 * DDPM: "Denoising Diffusion Probabilistic Models" (Ho et al. 2020), on any subset of the timesteps, as diffusers'
 * DDPMScheduler. One evaluation a step; fresh noise at every step but one at timestep 0.
 */
export function ddpm(context: SamplerContext): Sampler {
	const { config } = context;
	const schedule = alphaSchedule(context);
	const { timesteps, alphaBarAt } = schedule;
	return defineSampler(
		context,
		schedule,
		variancePreservingSpace(schedule.sigmas),
		{
			stochastic: true,
			start: NO_HISTORY,
			step(state, { index, prediction, latents, noise, images = 1 }) {
				const t = timesteps[index];
				const alphaBar = alphaBarAt(t);
				const previous =
					index + 1 < timesteps.length ? alphaBarAt(timesteps[index + 1]) : 1;
				const alpha = alphaBar / previous;
				const beta = 1 - alpha;
				const split =
					prediction.length === latents.length * 2
						? splitVariance(prediction, images)
						: undefined;
				const denoised = boundedOriginal(
					predictedOriginal(
						config.prediction_type,
						split?.mean ?? prediction,
						latents,
						signalNoiseOfAlphaBar(alphaBar),
					),
					config,
					images,
				);
				// Eq. 7: the posterior's mean and variance.
				const mean = weightedSum(
					[(Math.sqrt(previous) * beta) / (1 - alphaBar), denoised],
					[(Math.sqrt(alpha) * (1 - previous)) / (1 - alphaBar), latents],
				);
				if (t === 0) return { state, latents: mean, denoised };
				const posterior = Math.max(
					((1 - previous) / (1 - alphaBar)) * beta,
					1e-20,
				);
				const deviation = deviations(
					config.variance_type,
					posterior,
					beta,
					split?.variance,
				);
				const fresh = noise();
				const next =
					typeof deviation === "number"
						? weightedSum([1, mean], [deviation, fresh])
						: mean.map((value, i) => value + deviation[i] * fresh[i]);
				return { state, latents: next, denoised };
			},
		},
	);
}
