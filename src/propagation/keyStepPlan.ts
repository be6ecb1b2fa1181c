import { OptionError } from "../errors/optionError.js";
import type { Times } from "../samplers/schedules/timeGrid.js";
import type { ExtrapolationAxis } from "./extrapolate.js";
import {
	DECODER,
	FULL,
	reusesEncoder,
	type StepState,
	stepStateWord,
} from "./stepState.js";

/** How kept features are carried to a later step: repeated (order 0) or extrapolated through the last `order` + 1 key steps. */
export interface FeatureExtrapolation {
	readonly order: 0 | 1 | 2;
	readonly over: ExtrapolationAxis;
}

/** An accelerator with its arguments (see accelerators/accelerators.ts): `{ kind: "tome", ratio: 0.5, seed: 0 }`. */
export interface AcceleratorSpec {
	readonly kind: string;
}

/** What each evaluation of one run does. */
export interface KeyStepPlan {
	/** Where it came from, in the words that `keySteps` takes: `all`, `paper`, `uniform:4`, `0,1,2`, a file's name. */
	readonly label: string;
	/** One state for each network evaluation; the first is always `full`. */
	readonly states: readonly StepState[];
	readonly extrapolation: FeatureExtrapolation;
	/** The sampler's grid; absent: its own. */
	readonly times?: Times;
	/** What works beside or in place of key steps. */
	readonly accelerator?: AcceleratorSpec;
	/** Noise injection that the plan itself asks for, if it does. */
	readonly injectNoise?: number;
	readonly injectUntil?: number;
}

const REPEAT: FeatureExtrapolation = { order: 0, over: "timestep" };

/** The evaluations at which the whole network runs. */
export function keySteps(plan: Pick<KeyStepPlan, "states">): number[] {
	return plan.states.flatMap((state, index) =>
		state.run === "full" ? [index] : [],
	);
}

/** Whether every evaluation runs the whole network, as it is: plain sampling. */
export function isPlain({ states, accelerator }: KeyStepPlan): boolean {
	return !accelerator && states.every((state) => state.run === "full");
}

/** Whether some evaluation runs on encoder features of an earlier one: encoder propagation. */
export function propagates(plan: Pick<KeyStepPlan, "states">): boolean {
	return plan.states.some(reusesEncoder);
}

/**
 * The two-state plan of the paper: the whole network at `keys`, the decoder half elsewhere.
 * @throws OptionError when the indices are not in order, out of range or without 0.
 */
export function planFromKeySteps(
	keys: readonly number[],
	evaluations: number,
	label: string,
): KeyStepPlan {
	const last = evaluations - 1;
	for (const [position, key] of keys.entries()) {
		if (!Number.isInteger(key) || key < 0 || key > last)
			throw wrong(
				label,
				`key step ${key} is out of range; this run has ${evaluations} network evaluations, 0 to ${last}`,
			);
		if (position > 0 && key <= keys[position - 1])
			throw wrong(
				label,
				`key steps must be in ascending order without repeats, but ${key} follows ${keys[position - 1]}`,
			);
	}
	if (keys[0] !== 0)
		throw wrong(
			label,
			"step 0 must be a key step: nothing can be reused before it",
		);
	const chosen = new Set(keys);
	return {
		label,
		states: Array.from({ length: evaluations }, (_, index) =>
			chosen.has(index) ? FULL : DECODER,
		),
		extrapolation: REPEAT,
	};
}

/**
 * A plan from the states of its steps.
 * @throws OptionError when the first is not `full`, or there are more or fewer than the run has evaluations.
 */
export function planFromStates(
	states: readonly StepState[],
	evaluations: number,
	label: string,
	extrapolation: FeatureExtrapolation = REPEAT,
): KeyStepPlan {
	if (states.length !== evaluations)
		throw wrong(
			label,
			`the plan has ${states.length} step states, but this run has ${evaluations} network evaluations`,
		);
	if (states[0].run !== "full")
		throw wrong(
			label,
			`the first step must be full, not ${stepStateWord(states[0])}`,
		);
	return { label, states, extrapolation };
}

/** Plain sampling: every evaluation is a key step. */
export function plainPlan(evaluations: number): KeyStepPlan {
	return {
		label: "all",
		states: Array.from({ length: evaluations }, () => FULL),
		extrapolation: REPEAT,
	};
}

function wrong(label: string, what: string): OptionError {
	return new OptionError("keySteps", `${label.slice(0, 60)}: ${what}`);
}
