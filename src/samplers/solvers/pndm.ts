import {
	predictedNoise,
	predictedOriginal,
	signalNoiseOfAlphaBar,
} from "../prediction.js";
import type {
	Sampler,
	SamplerInput,
	SamplerOutput,
	SamplerState,
} from "../sampler.js";
import type { SamplerContext } from "../samplerContext.js";
import { alphasCumprod } from "../schedules/noiseSchedule.js";
import { trainedSigmas } from "../schedules/sigmaSchedule.js";
import { spacedTimesteps } from "../schedules/timestepSpacing.js";
import { variancePreservingSpace } from "../variancePreservingSpace.js";
import { type Term, weightedSum } from "../weightedSum.js";

/** Adams-Bashforth weights by the number of predictions, newest first (PNDM, eq. 12). */
const MULTISTEP_WEIGHTS = [
	[1],
	[3 / 2, -1 / 2],
	[23 / 12, -16 / 12, 5 / 12],
	[55 / 24, -59 / 24, 37 / 24, -9 / 24],
];
/** Weights of the four evaluations of a Runge-Kutta step (PNDM, eq. 13). */
const RUNGE_KUTTA_WEIGHTS = [1 / 6, 1 / 3, 1 / 3, 1 / 6];
const RUNGE_KUTTA_STEPS = 3;

/** The timesteps of three Runge-Kutta steps of four evaluations: t, t - δ/2 twice, t - δ. */
function rungeKuttaTimesteps(
	spaced: readonly number[],
	half: number,
): number[] {
	return spaced
		.slice(0, RUNGE_KUTTA_STEPS)
		.flatMap((t, i) => [
			t,
			spaced[i + 1] + half,
			spaced[i + 1] + half,
			spaced[i + 1],
		]);
}

/**
 * Pseudo numerical methods (PNDM, Liu et al. 2022), as diffusers' PNDMScheduler. With `skip_prk_steps` (Stable Diffusion)
 * it is PLMS: a linear multistep method that evaluates the second timestep twice, so steps + 1 evaluations (1 for 1
 * step). Without, the first three steps are Runge-Kutta ones of four evaluations: steps + 9 (from 4 steps on).
 */
export function pndm({ name, steps, config }: SamplerContext): Sampler {
	const alphas = alphasCumprod(config);
	const trained = trainedSigmas(alphas);
	const stride = Math.floor(config.num_train_timesteps / steps);
	const half = Math.floor(stride / 2);
	const finalAlpha = config.set_alpha_to_one ? 1 : alphas[0];
	const spaced = spacedTimesteps(steps, config);
	const rungeKutta =
		config.skip_prk_steps || steps < 4 ? 0 : 4 * RUNGE_KUTTA_STEPS;
	const timesteps =
		rungeKutta > 0
			? [
					...rungeKuttaTimesteps(spaced, half),
					...spaced.slice(RUNGE_KUTTA_STEPS),
				]
			: steps > 1
				? [spaced[0], spaced[1], ...spaced.slice(1)]
				: spaced;

	const alphaBarAt = (t: number) => (t >= 0 ? alphas[t] : finalAlpha);

	/** PNDM, eq. 9: from t to `to` along a prediction. */
	function transfer(
		latents: Float32Array,
		t: number,
		to: number,
		prediction: Float32Array,
	): Float32Array {
		const from = alphaBarAt(t);
		const next = alphaBarAt(to);
		const predicted = predictedNoise(
			config.prediction_type,
			prediction,
			latents,
			signalNoiseOfAlphaBar(from),
		);
		const denominator =
			from * Math.sqrt(1 - next) + Math.sqrt(from * (1 - from) * next);
		return weightedSum(
			[Math.sqrt(next / from), latents],
			[-(next - from) / denominator, predicted],
		);
	}

	function rungeKuttaStep(
		{ history, sample, partial }: SamplerState,
		{ index, prediction, latents }: SamplerInput,
	): Omit<SamplerOutput, "denoised"> {
		const stage = index % 4;
		const t = timesteps[index - stage];
		const start = stage === 0 ? latents : (sample ?? latents);
		const weighted: Term = [RUNGE_KUTTA_WEIGHTS[stage], prediction];
		const sum =
			stage === 0 || !partial
				? weightedSum(weighted)
				: weightedSum([1, partial], weighted);
		const to = timesteps[index] - (index % 2 === 0 ? half : 0);
		return {
			state: {
				history: stage === 0 ? [...history, prediction] : history,
				sample: start,
				partial: sum,
			},
			latents: transfer(start, t, to, stage === 3 ? sum : prediction),
		};
	}

	function multistep(
		{ history, sample }: SamplerState,
		{ index, prediction, latents }: SamplerInput,
	): Omit<SamplerOutput, "denoised"> {
		const t = timesteps[index];
		if (rungeKutta === 0 && index === 1 && history.length === 1 && sample) {
			// The second evaluation goes over the first step again, with the mean of both ends (improved Euler).
			const mean = weightedSum([0.5, prediction], [0.5, history[0]]);
			return {
				state: { history },
				latents: transfer(sample, t + stride, t, mean),
			};
		}
		const known = [...history, prediction].slice(-4);
		const weights = MULTISTEP_WEIGHTS[known.length - 1];
		const combined = weightedSum(
			...known.toReversed().map((values, k): Term => [weights[k], values]),
		);
		return {
			state: { history: known, sample: index === 0 ? latents : undefined },
			latents: transfer(latents, t, t - stride, combined),
		};
	}

	return {
		name,
		predictionType: config.prediction_type,
		timesteps,
		sigmas: timesteps.map((t) => trained[t]),
		stochastic: false,
		...variancePreservingSpace,
		start: () => ({ history: [] }),
		step(state, input) {
			const denoised = predictedOriginal(
				config.prediction_type,
				input.prediction,
				input.latents,
				signalNoiseOfAlphaBar(alphas[timesteps[input.index]]),
			);
			const take = input.index < rungeKutta ? rungeKuttaStep : multistep;
			return { ...take(state, input), denoised };
		},
	};
}
