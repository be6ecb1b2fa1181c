import { kindOf, type StateWord, type StepKind } from "./stepCosts.js";

/** How kinds of steps are called, and what runs at one. */
export const KINDS: Readonly<
	Record<StepKind, { readonly label: string; readonly help: string }>
> = {
	full: {
		label: "Full",
		help: "The whole network runs, and its features are kept.",
	},
	decoder: {
		label: "Decoder",
		help: "The decoder half runs on the features kept from the last full step.",
	},
	outer: {
		label: "Outer",
		help: "Only the outermost layers run, on kept deep features.",
	},
	nothing: {
		label: "Nothing",
		help: "No network runs: the step goes on by what was predicted before.",
	},
};

/** What runs at a step, in words: "outer, 2 layers". */
export function stateLabel(state: StateWord): string {
	const kind = kindOf(state);
	const { label } = KINDS[kind];
	const [, depth] = state.split(":");
	return kind === "outer"
		? `${label}, ${depth} ${depth === "1" ? "layer" : "layers"}`
		: label;
}
