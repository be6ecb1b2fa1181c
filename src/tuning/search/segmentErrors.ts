import {
	extrapolationAxis,
	lagrangeWeights,
} from "../../propagation/extrapolate.js";
import type { FeatureExtrapolation } from "../../propagation/keyStepPlan.js";
import { type StepState, stepStateWord } from "../../propagation/stepState.js";
import { predictionAt } from "../../samplers/originalAt.js";
import type { Sampler } from "../../samplers/sampler.js";
import type { PlainTables } from "./plainTables.js";

/**
 * Estimated squared error in the final latents, relative to their norm, of each possible segment: a key step at k1, the key
 * step before it at k0 = k1 − before (`before` 0: there is none), then `length` steps that are all in one state.
 */
export interface SegmentErrors {
	readonly evaluations: number;
	/** The most a key step may lie behind the next one: `length` + 1 and `before` are at most this. */
	readonly reach: number;
	readonly states: readonly StepState[];
	readonly extrapolation: FeatureExtrapolation;
	readonly errors: Float64Array;
}

/** Index into `SegmentErrors.errors`. */
export function segmentIndex(
	{ reach, states }: Pick<SegmentErrors, "reach" | "states">,
	k1: number,
	before: number,
	state: number,
	length: number,
): number {
	return ((k1 * (reach + 1) + before) * states.length + state) * reach + length;
}

export interface SegmentErrorOptions {
	readonly sampler: Sampler;
	readonly states: readonly StepState[];
	readonly extrapolation: FeatureExtrapolation;
	readonly reach: number;
	/** What a change of each prediction is worth in the final latents. */
	readonly sensitivity: ArrayLike<number>;
}

/**
 * Segment errors on the plain trajectories of some prompts, averaged. Within a segment the errors of its predictions are
 * vectors that are added up with the weight the sampler gives them, since neighbours err in the same direction; between
 * segments their squares are added.
 *
 * Extrapolated features need no further network runs: the decoder half is all but linear in small changes of its features,
 * and the weights of an extrapolation add up to 1, so the prediction on extrapolated features is taken to be the same
 * combination of the predictions on the features themselves.
 * Of order 2 the third key step is taken to lie as far before k0 as k0 before k1.
 */
export function segmentErrors(
	prompts: readonly PlainTables[],
	options: SegmentErrorOptions,
): SegmentErrors {
	const { sampler, states, extrapolation, reach, sensitivity } = options;
	const evaluations = sampler.timesteps.length;
	const at = extrapolationAxis(sampler, extrapolation.over);
	const shape = { evaluations, reach, states, extrapolation };
	const errors = new Float64Array(
		evaluations * (reach + 1) * states.length * reach,
	).fill(Number.POSITIVE_INFINITY);
	for (let k1 = 0; k1 < evaluations; k1++)
		for (let before = k1 ? 1 : 0; before <= Math.min(reach, k1); before++) {
			const keys = keysUpTo(k1, before);
			for (const [s, state] of states.entries()) {
				const order = stateOrder(state, extrapolation);
				const used = keys.slice(-(order + 1));
				const own = segmentIndex(shape, k1, before, s, 0);
				// length 0 is the key step alone
				errors[own] = 0;
				const most = Math.min(reach - 1, evaluations - 1 - k1);
				for (let length = 1; length <= most; length++) errors[own + length] = 0;
				for (const tables of prompts) {
					const final = tables.latents[evaluations];
					const norm = squaredNorm(final) * prompts.length;
					const sum = new Float64Array(final.length);
					for (let length = 1; length <= most; length++) {
						const i = k1 + length;
						const sources = used.map((key) =>
							sourcePrediction(tables, sampler, state, key, i),
						);
						if (sources.some((source) => !source)) {
							for (let l = length; l <= most; l++)
								errors[own + l] = Number.POSITIVE_INFINITY;
							break;
						}
						const weights = lagrangeWeights(
							used.map((key) => at[key]),
							at[i],
						);
						addError(
							sum,
							sources as Float32Array[],
							weights,
							tables.predictions[i],
							sensitivity[i],
						);
						errors[own + length] += squaredNorm(sum) / norm;
					}
				}
			}
		}
	return { ...shape, errors };
}

/** The key steps up to k1, newest last: k0 and, as far before it, one more. */
function keysUpTo(k1: number, before: number): number[] {
	if (before === 0) return [k1];
	const k0 = k1 - before;
	return k0 - before >= 0 ? [k0 - before, k0, k1] : [k0, k1];
}

function stateOrder(
	state: StepState,
	extrapolation: FeatureExtrapolation,
): number {
	switch (state.run) {
		case "nothing":
			return state.order;
		case "decoder":
			return extrapolation.order;
		default:
			return 0;
	}
}

function sourcePrediction(
	tables: PlainTables,
	sampler: Sampler,
	state: StepState,
	key: number,
	index: number,
): Float32Array | undefined {
	if (state.run !== "nothing")
		return tables.reused.get(stepStateWord(state))?.[index]?.[index - key];
	if (state.of !== "denoised") return tables.predictions[key];
	// linear in x_0: combinations of these are the predictions for combinations of the estimates
	return predictionAt(
		sampler,
		index,
		tables.originals[key],
		sampler.scaleModelInput(tables.latents[index], index),
	);
}

function addError(
	sum: Float64Array,
	sources: readonly Float32Array[],
	weights: readonly number[],
	truth: Float32Array,
	sensitivity: number,
): void {
	for (let n = 0; n < sum.length; n++) {
		let value = -truth[n];
		for (let s = 0; s < sources.length; s++)
			value += weights[s] * sources[s][n];
		sum[n] += sensitivity * value;
	}
}

function squaredNorm(values: ArrayLike<number>): number {
	let sum = 0;
	for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
	return sum;
}
