import type { SamplerConfig } from "../config/schedulerConfig.js";
import { defineSampler } from "../defineSampler.js";
import { variancePreservingSpace } from "../latentSpace.js";
import {
	boundedOriginal,
	predictedNoise,
	predictedOriginal,
	signalNoiseOfRatio,
} from "../prediction.js";
import type { Sampler, SamplerContext, SamplerState } from "../sampler.js";
import { solverSchedule } from "../schedules/solverSchedule.js";
import { type Term, weightedSum } from "../weightedSum.js";
import { logSnr } from "./dpmSolver.js";

/** The solution of A x = b by elimination with partial pivoting. */
function solveLinear(
	a: readonly (readonly number[])[],
	b: readonly number[],
): number[] {
	const rows = a.map((row, i) => [...row, b[i]]);
	const size = rows.length;
	for (let column = 0; column < size; column++) {
		let pivot = column;
		for (let row = column + 1; row < size; row++)
			if (Math.abs(rows[row][column]) > Math.abs(rows[pivot][column]))
				pivot = row;
		[rows[column], rows[pivot]] = [rows[pivot], rows[column]];
		for (let row = 0; row < size; row++) {
			if (row === column) continue;
			const factor = rows[row][column] / rows[column][column];
			for (let k = column; k <= size; k++)
				rows[row][k] -= factor * rows[column][k];
		}
	}
	return rows.map((row, i) => row[size] / row[i]);
}

/** One UniP or UniC step: from sigma `from` (the newest of `at`) to `to`. */
interface UniStep {
	readonly config: SamplerConfig;
	readonly latents: Float32Array;
	readonly to: number;
	/** Sigmas of the values, newest first. */
	readonly at: readonly number[];
	/** The network's values, newest first; the step's order is their number. */
	readonly values: readonly Float32Array[];
	/** The value at `to`: there for the corrector only. */
	readonly target?: Float32Array;
}

/**
 * UniP-p or, with a value at the target, UniC-p of "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of
 * Diffusion Models" (Zhao et al. 2023, section 3): the coefficients solve R_p(h) a = φ_p(h) / B(h) (theorem 3.1). B(h) is h
 * for bh1, e^h - 1 for bh2.
 */
function uniStep({
	config,
	latents,
	to,
	at,
	values,
	target,
}: UniStep): Float32Array {
	const order = values.length;
	const next = signalNoiseOfRatio(to);
	const current = signalNoiseOfRatio(at[0]);
	const start = logSnr(at[0]);
	const h = logSnr(to) - start;
	const hh = config.predict_x0 ? -h : h;
	const phi1 = Math.expm1(hh);
	const bh = config.solver_type === "bh1" ? hh : phi1;
	const scale = config.predict_x0 ? next.alpha : next.sigma;

	const ratios = at.slice(1, order).map((sigma) => (logSnr(sigma) - start) / h);
	const nodes = [...ratios, 1];
	let phi = phi1 / hh - 1;
	let factorial = 1;
	const right: number[] = [];
	for (let i = 1; i <= order; i++) {
		right.push((phi * factorial) / bh);
		factorial *= i + 1;
		phi = phi / hh - 1 / factorial;
	}
	const system = (size: number) =>
		Array.from({ length: size }, (_, power) =>
			nodes.slice(0, size).map((node) => node ** power),
		);
	let weights: number[];
	if (target) weights = order === 1 ? [0.5] : solveLinear(system(order), right);
	else if (order <= 2) weights = order === 1 ? [] : [0.5];
	else weights = solveLinear(system(order - 1), right.slice(0, order - 1));

	// D_k = value_k - value_0, divided by its distance in h.
	const differences: Term[] = [];
	let newest = -scale * phi1;
	weights.forEach((weight, k) => {
		const value = k < order - 1 ? values[k + 1] : target;
		if (!value) return;
		const share = (scale * bh * weight) / nodes[k];
		differences.push([-share, value]);
		newest += share;
	});
	return weightedSum(
		[
			config.predict_x0
				? next.sigma / current.sigma
				: next.alpha / current.alpha,
			latents,
		],
		[newest, values[0]],
		...differences,
	);
}

interface UnipcState extends SamplerState {
	/** The step taken last, which the next evaluation corrects; null before the first. */
	readonly last: {
		readonly latents: Float32Array;
		readonly order: number;
	} | null;
}

/**
 * UniPC (Zhao et al. 2023) of order 1 to 3, as diffusers' UniPCMultistepScheduler. One evaluation a step: each first
 * corrects the latents of the step before it (UniC), then predicts the next ones (UniP).
 */
export function unipc(context: SamplerContext): Sampler {
	const { config } = context;
	const schedule = solverSchedule(context);
	const { timesteps, sigmas } = schedule;

	function orderAt(index: number, known: number): number {
		const left = timesteps.length - index;
		let order = Math.min(config.solver_order, known);
		if (config.lower_order_final) order = Math.min(order, left);
		// An end without noise has an infinite λ: only first order has a limit there.
		if (sigmas[index + 1] === 0) order = 1;
		for (let i = 1; i < order; i++)
			if (sigmas[index - i] === sigmas[index - i + 1]) return i;
		return order;
	}
	const sigmasBefore = (index: number, count: number) =>
		Array.from({ length: count }, (_, i) => sigmas[index - i]);

	return defineSampler<UnipcState>(
		context,
		schedule,
		variancePreservingSpace(sigmas),
		{
			stochastic: false,
			start: { history: [], last: null },
			step(state, { index, prediction, latents, images }) {
				const level = signalNoiseOfRatio(sigmas[index]);
				const original = predictedOriginal(
					config.prediction_type,
					prediction,
					latents,
					level,
				);
				const denoised = config.predict_x0
					? boundedOriginal(original, config, images)
					: original;
				const output = config.predict_x0
					? denoised
					: predictedNoise(config.prediction_type, prediction, latents, level);

				const stays = sigmas[index] === sigmas[index - 1];
				const { last } = state;
				const sample =
					last && !stays && !config.disable_corrector.includes(index - 1)
						? uniStep({
								config,
								latents: last.latents,
								to: sigmas[index],
								at: sigmasBefore(index - 1, last.order),
								values: state.history.toReversed().slice(0, last.order),
								target: output,
							})
						: latents;

				const history = [...state.history, output].slice(-config.solver_order);
				const order = orderAt(index, history.length);
				const next =
					sigmas[index + 1] === sigmas[index]
						? sample
						: uniStep({
								config,
								latents: sample,
								to: sigmas[index + 1],
								at: sigmasBefore(index, order),
								values: history.toReversed().slice(0, order),
							});
				const done = { latents: sample, order };
				return { state: { history, last: done }, latents: next, denoised };
			},
		},
	);
}
