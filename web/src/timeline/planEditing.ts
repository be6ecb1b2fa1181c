import type { KeyStepPlan } from "../../../src/propagation/keyStepPlan.js";
import {
	parseKeySteps,
	statesWords,
} from "../../../src/propagation/planStates.js";
import {
	parseStepState,
	stepStateWord,
} from "../../../src/propagation/stepState.js";
import { kindOf, type StateWord } from "./stepCosts.js";

/** A plan that is chosen by one click. */
export interface Preset {
	readonly label: string;
	/** What `keySteps` takes for it. */
	readonly word: string;
	readonly help: string;
}

export const PRESETS: readonly Preset[] = [
	{
		label: "Auto",
		word: "auto",
		help: "the fastest plan that was tuned for this run and keeps the quality that is asked for; plain where there is none",
	},
	{ label: "Plain", word: "all", help: "every step runs the whole network" },
	{
		label: "Paper",
		word: "paper",
		help: "the published key steps run the encoder",
	},
	{
		label: "Every 2nd",
		word: "uniform:2",
		help: "every second step runs the encoder",
	},
	{
		label: "Every 4th",
		word: "uniform:4",
		help: "every fourth step runs the encoder",
	},
	{
		label: "DeepCache",
		word: "deepcache:3",
		help: "the outermost layers only, but at every third step",
	},
];

/** The states that plan words say for so many evaluations; undefined where the words alone do not say them (`auto`, files, what does not fit). */
export function statesOfWords(
	words: string,
	evaluations: number,
): readonly StateWord[] | undefined {
	const found = words
		.split("+")
		.flatMap((part) => parsedPlan(part, evaluations) ?? []);
	if (found.length === 1) return found[0].states.map(stepStateWord);
	// accelerators alone work beside plain sampling
	return found.length === 0 && words === "" ? allFull(evaluations) : undefined;
}

/** The shortest words that say these states; what else `before` says, beside its states, stays. */
export function wordsOfStates(
	states: readonly StateWord[],
	before = "",
): string {
	const others = before
		.split("+")
		.filter(
			(part) =>
				/^[a-z-]+:/.test(part) &&
				!/^(uniform|deepcache|full|decoder|outer|nothing)\b/.test(part),
		);
	return [shortest(states), ...others].join("+");
}

function shortest(states: readonly StateWord[]): string {
	const spelled = states.join();
	const preset = PRESETS.find(
		({ word }) => statesOfWords(word, states.length)?.join() === spelled,
	);
	return (
		preset?.word ??
		statesWords({
			label: "",
			states: states.map((word) => parseStepState(word)),
			extrapolation: { order: 0, over: "timestep" },
		})
	);
}

/** The states with one of them changed. The first step stays full: before it there is nothing to reuse. */
export function painted(
	states: readonly StateWord[],
	index: number,
	state: StateWord,
): readonly StateWord[] {
	return index === 0 || index >= states.length
		? states
		: states.with(index, state);
}

/** The plan stretched or shrunk to another number of evaluations: what runs when in the course of a run stays. */
export function refitted(
	states: readonly StateWord[],
	evaluations: number,
): readonly StateWord[] {
	const last = states.length - 1;
	return Array.from({ length: evaluations }, (_, index) =>
		index === 0
			? "full"
			: states[Math.round((index * last) / Math.max(1, evaluations - 1))],
	);
}

/** Another state for a step, as the space bar goes through them. */
export function nextState(state: StateWord): StateWord {
	const cycle: Record<string, StateWord> = {
		full: "decoder",
		decoder: "outer:1",
		outer: "nothing:0",
		nothing: "full",
	};
	return cycle[kindOf(state)];
}

function parsedPlan(
	words: string,
	evaluations: number,
): KeyStepPlan | undefined {
	try {
		return parseKeySteps(words, evaluations);
	} catch {
		return undefined;
	}
}

const allFull = (evaluations: number): readonly StateWord[] =>
	Array.from({ length: evaluations }, () => "full");
