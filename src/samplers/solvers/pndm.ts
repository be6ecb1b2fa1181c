import { defineSampler } from "../defineSampler.js";
import { variancePreservingSpace } from "../latentSpace.js";
import {
	predictedNoise,
	predictedOriginal,
	signalNoiseOfAlphaBar,
} from "../prediction.js";
import type {
	Sampler,
	SamplerContext,
	SamplerInput,
	SamplerOutput,
	SamplerState,
} from "../sampler.js";
import { alphaSchedule } from "../schedules/alphaSchedule.js";
import { spacedTimesteps } from "../schedules/timestepSpacing.js";
import { type Term, weightedSum } from "../weightedSum.js";
import { lagrangeIntegral } from "./lagrangeIntegral.js";

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

interface PndmState extends SamplerState {
	/** In a step of several evaluations: the latents it begins with, and the weighted sum of its predictions so far. */
	readonly underWay: {
		readonly start: Float32Array;
		readonly sum: Float32Array;
	} | null;
}

/**
 * Pseudo numerical methods (PNDM, Liu et al. 2022), as diffusers' PNDMScheduler. With `skip_prk_steps` (Stable Diffusion)
 * it is PLMS: a linear multistep method that evaluates the second timestep twice, so steps + 1 evaluations (1 for 1
 * step). Without, the first three steps are Runge-Kutta ones of four evaluations: steps + 9 (from 4 steps on).
 *
 * On a given grid the multistep weights are those of its uneven steps. A run that starts late repeats its first step as one
 * from the beginning does, and so stays one timestep behind from there on: so do diffusers' images.
 */
export function pndm(context: SamplerContext): Sampler {
	const { steps, config, grid } = context;
	const stride = Math.floor(config.num_train_timesteps / steps);
	const spaced = grid?.timesteps ?? spacedTimesteps(steps, config);
	const after = (t: number) =>
		grid ? (spaced[spaced.indexOf(t) + 1] ?? -1) : t - stride;
	const before = (t: number) =>
		grid ? (spaced[spaced.indexOf(t) - 1] ?? t) : t + stride;
	const half = (step: number) =>
		grid ? (spaced[step] - spaced[step + 1]) / 2 : Math.floor(stride / 2);
	const rungeKuttaSteps =
		config.skip_prk_steps || steps < 4 ? 0 : RUNGE_KUTTA_STEPS;
	const timesteps =
		rungeKuttaSteps > 0
			? spaced.flatMap((t, i) => {
					if (i >= rungeKuttaSteps) return [t];
					const middle = spaced[i + 1] + half(i);
					return [t, middle, middle, spaced[i + 1]];
				})
			: spaced.flatMap((t, i) => (i === 1 ? [t, t] : [t]));
	const schedule = alphaSchedule(context, timesteps);
	const { alphaBarAt } = schedule;

	/** Weights of `count` predictions, newest first, in the step from t. */
	function multistepWeights(t: number, count: number): number[] {
		if (!grid || count === 1) return MULTISTEP_WEIGHTS[count - 1];
		const newest = spaced.indexOf(t);
		const points = Array.from({ length: count }, (_, k) => spaced[newest - k]);
		// the end has no timestep: the last step is taken to be as wide as the one before
		const to = spaced[newest + 1] ?? t - (points[1] - t);
		return points.map((_, k) => lagrangeIntegral(points, k, t, to) / (to - t));
	}

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
		{ history, underWay }: PndmState,
		{ index, prediction, latents }: SamplerInput,
	): Omit<SamplerOutput<PndmState>, "denoised"> {
		const stage = index % 4;
		const t = timesteps[index - stage];
		const start = underWay?.start ?? latents;
		const weighted: Term = [RUNGE_KUTTA_WEIGHTS[stage], prediction];
		const sum = underWay
			? weightedSum([1, underWay.sum], weighted)
			: weightedSum(weighted);
		const to =
			timesteps[index] - (index % 2 === 0 ? half(Math.floor(index / 4)) : 0);
		return {
			state: {
				history: stage === 0 ? [...history, prediction] : history,
				underWay: stage === 3 ? null : { start, sum },
			},
			latents: transfer(start, t, to, stage === 3 ? sum : prediction),
		};
	}

	function multistep(
		{ history, underWay }: PndmState,
		{ index, prediction, latents }: SamplerInput,
	): Omit<SamplerOutput<PndmState>, "denoised"> {
		const t = timesteps[index];
		if (underWay) {
			// The second evaluation goes over the first step again, with the mean of both ends (improved Euler).
			const mean = weightedSum([0.5, prediction], [0.5, underWay.sum]);
			return {
				state: { history, underWay: null },
				latents: transfer(underWay.start, before(t), t, mean),
			};
		}
		const known = [...history, prediction].slice(-4);
		const weights = multistepWeights(t, known.length);
		const combined = weightedSum(
			...known.toReversed().map((values, k): Term => [weights[k], values]),
		);
		return {
			state: {
				history: known,
				underWay:
					known.length === 1 ? { start: latents, sum: prediction } : null,
			},
			latents: transfer(latents, t, after(t), combined),
		};
	}

	return defineSampler<PndmState>(
		context,
		schedule,
		variancePreservingSpace(schedule.sigmas),
		{
			stochastic: false,
			start: { history: [], underWay: null },
			step(state, input) {
				const { index, prediction, latents } = input;
				const denoised = predictedOriginal(
					config.prediction_type,
					prediction,
					latents,
					signalNoiseOfAlphaBar(alphaBarAt(timesteps[index])),
				);
				const rungeKutta = index < 4 * rungeKuttaSteps;
				// a run that begins within a Runge-Kutta step goes plainly to the next one
				if (rungeKutta && index % 4 !== 0 && !state.underWay)
					return {
						state,
						latents: transfer(
							latents,
							timesteps[index],
							timesteps[index + 1],
							prediction,
						),
						denoised,
					};
				const take = rungeKutta ? rungeKuttaStep : multistep;
				return { ...take(state, input), denoised };
			},
		},
	);
}
