import { UserError } from "../errors/userError.js";
import type { ExtrapolationAxis } from "./extrapolate.js";
import { publishedKeySteps } from "./publishedKeySteps.js";
import {
	DECODER,
	FULL,
	parseStepState,
	type StepState,
	stepStateWord,
} from "./stepState.js";

/** How kept features are carried to a later step: repeated (order 0) or extrapolated through the last `order` + 1 key steps. */
export interface FeatureExtrapolation {
	readonly order: 0 | 1 | 2;
	readonly over: ExtrapolationAxis;
}

/** What each evaluation of one run does. */
export interface KeyStepPlan {
	/** Where it came from, in the words that `--key-steps` takes: `all`, `paper`, `uniform:4`, `0,1,2`, a file's name. */
	readonly label: string;
	/** One state for each network evaluation; the first is always `full`. */
	readonly states: readonly StepState[];
	readonly extrapolation: FeatureExtrapolation;
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

/** Whether every evaluation runs the whole network: plain sampling. */
export function isPlain(plan: KeyStepPlan): boolean {
	return plan.states.every((state) => state.run === "full");
}

/**
 * The two-state plan of the paper: the whole network at `keys`, the decoder half elsewhere.
 * @throws UserError (exit code 2) when the indices are not in order, out of range or without 0.
 */
export function planFromKeySteps(
	keys: readonly number[],
	evaluations: number,
	label: string,
): KeyStepPlan {
	const last = evaluations - 1;
	for (const [position, key] of keys.entries()) {
		if (!Number.isInteger(key) || key < 0 || key > last)
			throw new UserError(
				`${label}: key step ${key} is out of range; this run has ${evaluations} network evaluations, 0 to ${last}`,
				{ code: "usage" },
			);
		if (position > 0 && key <= keys[position - 1])
			throw new UserError(
				`${label}: key steps must be in ascending order without repeats, but ${key} follows ${keys[position - 1]}`,
				{ code: "usage" },
			);
	}
	if (keys[0] !== 0)
		throw new UserError(
			`${label}: step 0 must be a key step: nothing can be reused before it`,
			{ code: "usage" },
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
 * @throws UserError (exit code 2) when the first is not `full`, or there are more or fewer than the run has evaluations.
 */
export function planFromStates(
	states: readonly StepState[],
	evaluations: number,
	label: string,
	extrapolation: FeatureExtrapolation = REPEAT,
): KeyStepPlan {
	if (states.length !== evaluations)
		throw new UserError(
			`${label}: the plan has ${states.length} step states, but this run has ${evaluations} network evaluations`,
			{ code: "usage" },
		);
	if (states[0].run !== "full")
		throw new UserError(
			`${label}: the first step must be full, not ${stepStateWord(states[0])}`,
			{ code: "usage" },
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

/** Plans that a word says for any number of steps. */
const NAMED = /^(all|paper|(uniform|deepcache)(:\d+)+|adaptive:.*)$/;

/** The words that `parseKeySteps` reads as this very plan. */
export function planWords({
	label,
	states,
	extrapolation,
}: KeyStepPlan): string {
	const [base] = label.split("@");
	const twoStates = states.every(
		({ run }) => run === "full" || run === "decoder",
	);
	const words = NAMED.test(base)
		? base
		: twoStates
			? keySteps({ states }).join()
			: states.map(stepStateWord).join();
	const { order, over } = extrapolation;
	return order === 0 ? words : `${words}@${order}:${over}`;
}

/**
 * Reads the plans that are words: `all`, `paper`, `uniform:K` (every K-th evaluation), `deepcache:K` or `deepcache:K:D`
 * (whole network every K-th evaluation, between them the D outermost up layers on a fresh shallow encoder), a list of
 * indices `0,1,2,5`, or a list of states `full,outer:3,…`. Behind any of them `@1` or `@2:log-snr` extrapolates the kept
 * features by a polynomial of that order (over the timestep unless told otherwise).
 * @param label what stands in front of error messages, the flag's name
 * @throws UserError (exit code 2) when `words` is none of these or does not fit the run
 */
export function parseKeySteps(
	words: string,
	evaluations: number,
	label = "--key-steps",
): KeyStepPlan {
	const whole = words.trim();
	const [, text, order, over] =
		/^(.*?)(?:@([012])(?::(timestep|log-snr))?)?$/s.exec(whole) ?? [];
	const named = (plan: KeyStepPlan): KeyStepPlan => ({
		...plan,
		label: whole,
		extrapolation: {
			order: Number(order ?? 0) as 0 | 1 | 2,
			over: over === "log-snr" ? over : "timestep",
		},
	});
	if (text === "all") return named(plainPlan(evaluations));
	if (text === "paper")
		return named(
			planFromKeySteps(publishedKeySteps(evaluations), evaluations, label),
		);
	const every = /^(uniform|deepcache):([1-9]\d{0,3})(?::([1-9]\d{0,2}))?$/.exec(
		text,
	);
	if (every && !(every[1] === "uniform" && every[3])) {
		const period = Number(every[2]);
		const between: StepState =
			every[1] === "uniform"
				? DECODER
				: { run: "outer", layers: Number(every[3] ?? 1), encoder: "fresh" };
		const states = Array.from({ length: evaluations }, (_, index) =>
			index % period === 0 ? FULL : between,
		);
		return named(planFromStates(states, evaluations, label));
	}
	if (/^\d+(\s*,\s*\d+)*$/.test(text))
		return named(
			planFromKeySteps(text.split(",").map(Number), evaluations, label),
		);
	if (text.includes(",") && /^[a-z]/.test(text))
		return named(
			planFromStates(
				text.split(",").map((word) => parseStepState(word.trim(), label)),
				evaluations,
				label,
			),
		);
	throw new UserError(
		`${label}: "${whole.slice(0, 60)}" is no plan; use all, paper, auto, uniform:K, deepcache:K, a list like 0,1,2,5,10 or a plan file (.json)`,
		{ code: "usage" },
	);
}

/** Whether a value that a JavaScript caller gave is a plan that can be run: with states, the first of them full. */
export function isKeyStepPlan(value: unknown): value is KeyStepPlan {
	const { label, states, extrapolation } = (value ??
		{}) as Partial<KeyStepPlan>;
	try {
		return (
			typeof label === "string" &&
			Array.isArray(states) &&
			states.every(
				(state: StepState) =>
					stepStateWord(parseStepState(stepStateWord(state), "")) ===
					stepStateWord(state),
			) &&
			states[0]?.run === "full" &&
			[0, 1, 2].includes(extrapolation?.order as number) &&
			["timestep", "log-snr"].includes(extrapolation?.over as string)
		);
	} catch {
		return false;
	}
}
