/** What runs at a step, as plans write it: `full`, `decoder`, `outer:3`, `outer:3:kept`, `nothing:1`, `nothing:1:denoised`. */
export type StateWord = string;

/** Floating-point operations of a step by what runs. */
export type StepCosts = Readonly<Record<StateWord, number>>;

/** What a plan costs beside plain sampling, in which every step is full. */
export interface PlanCost {
	/** Of the whole plan, in the unit of the costs. */
	readonly cost: number;
	/** Share of plain sampling's cost, 0 to 1. */
	readonly share: number;
	/** How many times less work it is: what can be hoped for. */
	readonly speedup: number;
	readonly counts: Readonly<Record<StepKind, number>>;
}

/** The four things that a step can be. */
export type StepKind = "full" | "decoder" | "outer" | "nothing";

export const STEP_KINDS: readonly StepKind[] = [
	"full",
	"decoder",
	"outer",
	"nothing",
];

/** The kind of a state. */
export function kindOf(state: StateWord): StepKind {
	const kind = state.split(":", 1)[0];
	return STEP_KINDS.find((known) => known === kind) ?? "full";
}

/** The cost of a step; states that the costs do not name cost what their kind does there, or as much as a full step. */
export function costOf(state: StateWord, costs: StepCosts): number {
	if (state in costs) return costs[state];
	const kind = kindOf(state);
	if (kind === "nothing") return 0;
	const alike = Object.keys(costs).find((word) => kindOf(word) === kind);
	return costs[alike ?? "full"] ?? 1;
}

/**
 * What the steps from `start` on cost.
 * @param plainSteps steps of the plain run that the plan takes the place of
 */
export function planCost(
	states: readonly StateWord[],
	costs: StepCosts,
	start = 0,
	plainSteps = states.length,
): PlanCost {
	const run = states.slice(start);
	const counts = { full: 0, decoder: 0, outer: 0, nothing: 0 };
	let cost = 0;
	for (const state of run) {
		counts[kindOf(state)]++;
		cost += costOf(state, costs);
	}
	const plain =
		(run.length / states.length) * plainSteps * costOf("full", costs);
	const share = plain > 0 ? cost / plain : 1;
	return { cost, share, speedup: share > 0 ? 1 / share : 1, counts };
}
