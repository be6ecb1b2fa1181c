import {
	type KeyStepPlan,
	planFromStates,
} from "../../propagation/keyStepPlan.js";
import {
	FULL,
	type StepState,
	stepStateWord,
} from "../../propagation/stepState.js";
import type { StateCosts } from "../runs/planCost.js";
import { type SegmentErrors, segmentIndex } from "./segmentErrors.js";

/** A plan with what the tables say of it. */
export interface EstimatedPlan {
	readonly plan: KeyStepPlan;
	/** Cost as a share of the plain run's, rounded up to the resolution. */
	readonly share: number;
	/** Relative error of the final latents. */
	readonly estimate: number;
}

/** About how many parts the plain run's cost is divided into; a key step is a whole number of them. */
const RESOLUTION = 600;

/**
 * The plans of least estimated error for every cost, by dynamic programming: over key steps, the distance to the key step
 * before, and the cost spent so far (in about 1/600 of the plain run, each step rounded up). Exact where errors of segments add up
 * and all steps of a segment are in one state.
 * @returns plans of falling error and rising cost: the front, without plans that cost more and err more than another
 */
export function optimalPlans(
	table: SegmentErrors,
	{ costs }: StateCosts,
): EstimatedPlan[] {
	const { evaluations, reach, states, errors } = table;
	const costOf = (state: StepState) => costs.get(stepStateWord(state)) ?? NaN;
	const whole = Math.max(10, Math.round(RESOLUTION / evaluations));
	const unit = costOf(FULL) / whole;
	const parts = states.map((state) => Math.ceil(costOf(state) / unit - 1e-9));
	const width = whole * evaluations + 1;
	const size = (evaluations + 1) * (reach + 1) * width;
	const best = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
	// how a node was reached: length of the segment, its distance before, the state of its steps
	const lengths = new Int16Array(size);
	const befores = new Int16Array(size);
	const chosen = new Int16Array(size);
	const at = (key: number, before: number, cost: number) =>
		(key * (reach + 1) + before) * width + cost;
	best[at(0, 0, whole)] = 0;
	for (let k1 = 0; k1 < evaluations; k1++)
		for (let before = 0; before <= reach; before++)
			for (let spent = whole; spent < width; spent++) {
				const soFar = best[at(k1, before, spent)];
				if (soFar === Number.POSITIVE_INFINITY) continue;
				for (let s = 0; s < states.length; s++) {
					const row = segmentIndex(table, k1, before, s, 0);
					const most = Math.min(reach - 1, evaluations - 1 - k1);
					// a key step right behind another needs no state: it is tried with the first only
					for (let length = s === 0 ? 0 : 1; length <= most; length++) {
						const next = k1 + length + 1;
						const last = next === evaluations;
						const cost = spent + length * parts[s] + (last ? 0 : whole);
						if (cost >= width) break;
						const target = at(next, last ? 0 : length + 1, cost);
						const error = soFar + errors[row + length];
						if (error < best[target]) {
							best[target] = error;
							lengths[target] = length;
							befores[target] = before;
							chosen[target] = s;
						}
					}
				}
			}
	function trace(total: number): KeyStepPlan {
		const words: StepState[] = [];
		let key = evaluations;
		let node = at(evaluations, 0, total);
		let spent = total;
		while (key > 0) {
			const length = lengths[node];
			const s = chosen[node];
			words.unshift(FULL, ...new Array<StepState>(length).fill(states[s]));
			spent -= length * parts[s] + (key === evaluations ? 0 : whole);
			key -= length + 1;
			node = at(key, befores[node], spent);
		}
		return planFromStates(words, evaluations, "tuned", table.extrapolation);
	}

	const plans: EstimatedPlan[] = [];
	let least = Number.POSITIVE_INFINITY;
	for (let cost = 0; cost < width; cost++) {
		const error = best[at(evaluations, 0, cost)];
		if (!(error < least)) continue;
		least = error;
		plans.push({
			plan: trace(cost),
			share: cost / (width - 1),
			estimate: Math.sqrt(error),
		});
	}
	return plans;
}
