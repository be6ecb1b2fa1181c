import { defineSampler } from "../defineSampler.js";
import { variancePreservingSpace } from "../latentSpace.js";
import { signalNoiseOfRatio } from "../prediction.js";
import { NO_HISTORY, type Sampler, type SamplerContext } from "../sampler.js";
import { solverSchedule } from "../schedules/solverSchedule.js";
import { weightedSum } from "../weightedSum.js";
import {
	firstOrderStep,
	logSnr,
	noiseTerm,
	type SolverStep,
	solverOutput,
	stepWeights,
} from "./dpmSolver.js";

/** Second order from two values (DPM-Solver++, algorithm 2, "2M"; `heun` integrates the slope exactly instead). */
function secondOrderStep(step: SolverStep): Float32Array {
	const { config, latents, to, at, values, noise } = step;
	const h = logSnr(to) - logSnr(at[0]);
	const ratio = (logSnr(at[0]) - logSnr(at[1])) / h;
	const weights = stepWeights(
		config.algorithm_type,
		signalNoiseOfRatio(at[0]),
		signalNoiseOfRatio(to),
	);
	const slope =
		(config.solver_type === "heun" ? weights.slope : weights.midpoint) / ratio;
	return weightedSum(
		[weights.keep, latents],
		[weights.value + slope, values[0]],
		[-slope, values[1]],
		...noiseTerm(weights, noise),
	);
}

/** Third order from three values ("3M": the slope and curvature of the parabola through them). */
function thirdOrderStep(step: SolverStep): Float32Array {
	const { config, latents, to, at, values, noise } = step;
	const h = logSnr(to) - logSnr(at[0]);
	const r0 = (logSnr(at[0]) - logSnr(at[1])) / h;
	const r1 = (logSnr(at[1]) - logSnr(at[2])) / h;
	const weights = stepWeights(
		config.algorithm_type,
		signalNoiseOfRatio(at[0]),
		signalNoiseOfRatio(to),
	);
	const newer = weightedSum([1 / r0, values[0]], [-1 / r0, values[1]]);
	const older = weightedSum([1 / r1, values[1]], [-1 / r1, values[2]]);
	const slope = weightedSum(
		[1 + r0 / (r0 + r1), newer],
		[-r0 / (r0 + r1), older],
	);
	const curvature = weightedSum(
		[1 / (r0 + r1), newer],
		[-1 / (r0 + r1), older],
	);
	return weightedSum(
		[weights.keep, latents],
		[weights.value, values[0]],
		[weights.slope, slope],
		[weights.curvature, curvature],
		...noiseTerm(weights, noise),
	);
}

/**
 * Multistep DPM-Solver and DPM-Solver++ of order 1 to 3 (names in dpmSolver.ts), as diffusers'
 * DPMSolverMultistepScheduler. One evaluation a step; the order rises as values come in, and is 1 where the end has no
 * noise. The SDE form draws noise at every step, the last one too (where its weight is 0 if that step ends on 0).
 */
export function dpmSolverMultistep(context: SamplerContext): Sampler {
	const { config } = context;
	const schedule = solverSchedule(context);
	const { timesteps, sigmas } = schedule;
	const few = config.lower_order_final && timesteps.length < 15;
	const stochastic = config.algorithm_type === "sde-dpmsolver++";

	/** The order of a step that has `known` values: what the configuration wants, less at both ends of the schedule. */
	function orderAt(index: number, known: number): number {
		const left = timesteps.length - index;
		let order = Math.min(config.solver_order, known);
		if (
			left === 1 &&
			(few || config.euler_at_final || config.final_sigmas_type === "zero")
		)
			order = 1;
		if (left === 2 && few) order = Math.min(order, 2);
		// Timesteps repeat where there are nearly as many steps as were trained: no difference can be formed over them.
		for (let i = 1; i < order; i++)
			if (sigmas[index - i] === sigmas[index - i + 1]) return i;
		return sigmas[index] === sigmas[index + 1] ? 1 : order;
	}

	return defineSampler(context, schedule, variancePreservingSpace(sigmas), {
		stochastic: stochastic,
		start: NO_HISTORY,
		step(state, input) {
			const { index, latents } = input;
			const { output, denoised } = solverOutput(
				config,
				input,
				signalNoiseOfRatio(sigmas[index]),
			);
			const history = [...state.history, output].slice(-config.solver_order);
			const order = orderAt(index, history.length);
			const step: SolverStep = {
				config,
				latents,
				to: sigmas[index + 1],
				at: [sigmas[index], sigmas[index - 1], sigmas[index - 2]],
				values: history.toReversed(),
				noise: stochastic ? input.noise() : undefined,
			};
			const solve = [firstOrderStep, secondOrderStep, thirdOrderStep][
				order - 1
			];
			return { state: { history }, latents: solve(step), denoised };
		},
	});
}
