import {
	type FeatureExtrapolation,
	type KeyStepPlan,
	planFromStates,
} from "../../propagation/keyStepPlan.js";
import { FULL, type StepState } from "../../propagation/stepState.js";
import { evenTimes } from "../../samplers/schedules/timeGrid.js";

/** A step that runs no network. */
export type Reuse = Extract<StepState, { run: "nothing" }>;

/** What lies between a network call and the next one: `count` steps that reuse predictions, evenly over the gap. */
export interface Gap {
	readonly reuse?: Reuse;
	readonly count: number;
}

/** A run as the search sees it: when the network is called, and what happens in between. */
export interface TimedPlan {
	/** Training timesteps of the network calls, descending. */
	readonly calls: readonly number[];
	/** The gap behind each call; the last one reaches down to `end`. */
	readonly gaps: readonly Gap[];
	/** The last timestep that a step may begin at. */
	readonly end: number;
}

/** One step after another: where they begin, and what they run. */
export interface StepList {
	readonly times: readonly number[];
	readonly states: readonly StepState[];
}

export const NO_GAP: Gap = { count: 0 };

/** The plan's steps, one after another. */
export function stepsOf({ calls, gaps, end }: TimedPlan): StepList {
	const times: number[] = [];
	const states: StepState[] = [];
	for (const [i, call] of calls.entries()) {
		times.push(call);
		states.push(FULL);
		const { reuse, count } = gaps[i];
		if (!reuse || count === 0) continue;
		const isLast = i + 1 === calls.length;
		const next = isLast ? end : calls[i + 1];
		const parts = isLast ? count : count + 1;
		for (let n = 1; n <= count; n++) {
			times.push(
				n === parts ? next : rounded(call + ((next - call) * n) / parts),
			);
			states.push(reuse);
		}
	}
	return { times, states };
}

/** Steps as a plan of the pipeline. */
export function planOfSteps(
	{ times, states }: StepList,
	extrapolation: FeatureExtrapolation,
	label: string,
): KeyStepPlan {
	return {
		...planFromStates(states, states.length, label, extrapolation),
		times,
		injectNoise: 0,
	};
}

/** A plan of network calls alone. */
export function callsAlone(calls: readonly number[], end: number): TimedPlan {
	return { calls, gaps: calls.map(() => NO_GAP), end };
}

/** `count` candidates for the times of calls, evenly from the first to the last timestep of the plain run. */
export function candidateTimes(
	plain: readonly number[],
	count: number,
): readonly number[] {
	const [first, last] = [plain[0], plain[plain.length - 1]];
	return evenTimes(first, last, count).map(rounded);
}

/** Timesteps are kept to a hundredth, so that plans can be read. */
export const rounded = (time: number) => Math.round(time * 100) / 100;
