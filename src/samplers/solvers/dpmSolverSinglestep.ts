import type { SamplerConfig } from "../config/schedulerConfig.js";
import { defineSampler } from "../defineSampler.js";
import { variancePreservingSpace } from "../latentSpace.js";
import { signalNoiseOfRatio } from "../prediction.js";
import type { Sampler, SamplerContext, SamplerState } from "../sampler.js";
import { solverSchedule } from "../schedules/solverSchedule.js";
import { weightedSum } from "../weightedSum.js";
import {
	firstOrderStep,
	logSnr,
	type SolverStep,
	solverOutput,
	stepWeights,
} from "./dpmSolver.js";

/** Second order over two evaluations, from the latents of the first (DPM-Solver-2, algorithm 1; DPM-Solver++ 2S). */
function secondOrderStep(step: SolverStep): Float32Array {
	const { config, latents, to, at, values } = step;
	const start = logSnr(at[1]);
	const ratio = (logSnr(at[0]) - start) / (logSnr(to) - start);
	const weights = stepWeights(
		config.algorithm_type,
		signalNoiseOfRatio(at[1]),
		signalNoiseOfRatio(to),
	);
	const slope =
		(config.solver_type === "heun" ? weights.slope : weights.midpoint) / ratio;
	return weightedSum(
		[weights.keep, latents],
		[weights.value - slope, values[1]],
		[slope, values[0]],
	);
}

/** Third order over three evaluations, from the latents of the first (DPM-Solver-3, algorithm 2; `heun` adds the curvature). */
function thirdOrderStep(step: SolverStep): Float32Array {
	const { config, latents, to, at, values } = step;
	const start = logSnr(at[2]);
	const h = logSnr(to) - start;
	const r0 = (logSnr(at[0]) - start) / h;
	const r1 = (logSnr(at[1]) - start) / h;
	const weights = stepWeights(
		config.algorithm_type,
		signalNoiseOfRatio(at[2]),
		signalNoiseOfRatio(to),
	);
	const near = weightedSum([1 / r1, values[1]], [-1 / r1, values[2]]);
	const far = weightedSum([1 / r0, values[0]], [-1 / r0, values[2]]);
	if (config.solver_type !== "heun")
		return weightedSum(
			[weights.keep, latents],
			[weights.value, values[2]],
			[weights.slope, far],
		);
	return weightedSum(
		[weights.keep, latents],
		[weights.value, values[2]],
		[(weights.slope * r0) / (r0 - r1), near],
		[(-weights.slope * r1) / (r0 - r1), far],
		[(weights.curvature * 2) / (r0 - r1), far],
		[(-weights.curvature * 2) / (r0 - r1), near],
	);
}

/** The order of each step: groups of 1, 2, …, solver_order, cut short at the end where lower orders are wanted there. */
function stepOrders(steps: number, config: SamplerConfig): number[] {
	const order = config.solver_order;
	const group = Array.from({ length: order }, (_, i) => i + 1);
	// diffusers switches lower_order_final on where the steps do not fill whole groups, or the last has no noise to end on.
	const lowerFinal =
		config.lower_order_final ||
		steps % order !== 0 ||
		config.final_sigmas_type === "zero";
	const orders = Array.from({ length: steps }, (_, i) => group[i % order]);
	if (lowerFinal && steps % order === 0 && order > 1) {
		orders[steps - 1] = 1;
		if (order === 3) orders[steps - 2] = 2;
	}
	if (config.final_sigmas_type === "zero") orders[steps - 1] = 1;
	return orders;
}

interface SinglestepState extends SamplerState {
	/** The latents that the group of evaluations under way began with; null before the first. */
	readonly start: Float32Array | null;
}

/**
 * Singlestep DPM-Solver and DPM-Solver++ of order 1 to 3, as diffusers' DPMSolverSinglestepScheduler. A step here is one
 * evaluation: `steps` evaluations in groups of solver_order, each group from the latents at its first.
 */
export function dpmSolverSinglestep(context: SamplerContext): Sampler {
	const { config } = context;
	const schedule = solverSchedule(context);
	const { timesteps, sigmas } = schedule;
	const orders = stepOrders(timesteps.length, config);
	return defineSampler<SinglestepState>(
		context,
		schedule,
		variancePreservingSpace(sigmas),
		{
			stochastic: false,
			start: { history: [], start: null },
			step(state, input) {
				const { index } = input;
				const { output, denoised } = solverOutput(
					config,
					input,
					signalNoiseOfRatio(sigmas[index]),
				);
				const history = [...state.history, output].slice(-config.solver_order);
				// Image-to-image may start within a group, without the evaluations that its order needs.
				let order = Math.min(orders[index], history.length);
				// Timesteps repeat where there are nearly as many steps as were trained: no difference can be formed over them.
				for (let i = 1; i < order; i++)
					if (sigmas[index - i] === sigmas[index - i + 1]) order = 1;
				const start = order === 1 || !state.start ? input.latents : state.start;
				const solve = [firstOrderStep, secondOrderStep, thirdOrderStep][
					order - 1
				];
				const latents = solve({
					config,
					latents: start,
					to: sigmas[index + 1],
					at: [sigmas[index], sigmas[index - 1], sigmas[index - 2]],
					values: history.toReversed(),
				});
				return { state: { history, start }, latents, denoised };
			},
		},
	);
}
