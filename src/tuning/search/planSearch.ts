import {
	type FeatureExtrapolation,
	type KeyStepPlan,
	planFromStates,
} from "../../propagation/keyStepPlan.js";
import {
	FULL,
	type StepState,
	stepStateWord,
} from "../../propagation/stepState.js";
import { mersenneTwister } from "../../random/mersenneTwister.js";
import { planCost, type StateCosts } from "../runs/planCost.js";

/** A plan with its true error. */
export interface JudgedPlan {
	readonly plan: KeyStepPlan;
	readonly error: number;
}

/** A plan's error; anything above `limit` may be given as infinity, to save the runs of the remaining prompts. */
export type PlanJudge = (plan: KeyStepPlan, limit: number) => Promise<number>;

export interface SearchOptions {
	readonly starts: readonly KeyStepPlan[];
	readonly states: readonly StepState[];
	readonly extrapolations: readonly FeatureExtrapolation[];
	readonly costs: StateCosts;
	/** The most a plan may cost, in the unit of `costs`. */
	readonly budget: number;
	/** How many plans are judged besides `starts`. */
	readonly trials: number;
	readonly seed: number;
	readonly judge: PlanJudge;
}

/** What tells two plans apart: states and extrapolation. */
export function planKey({ states, extrapolation }: KeyStepPlan): string {
	const { order, over } = extrapolation;
	return `${states.map(stepStateWord).join()};${order};${over}`;
}

/**
 * Local search on the true error: from the best of `starts`, seeded random moves are taken whenever the plan they lead to
 * is within the budget and errs less. Moves: two neighbours in different states change places (twice as often), a key step and another step change places, a
 * step gets another state, a step becomes a key step, the extrapolation changes. No plan is judged twice.
 */
export async function searchPlans(
	options: SearchOptions,
): Promise<JudgedPlan | undefined> {
	const { costs, budget, judge } = options;
	const seen = new Set<string>();
	let best: JudgedPlan | undefined;
	const consider = async (plan: KeyStepPlan): Promise<boolean> => {
		const key = planKey(plan);
		if (seen.has(key) || planCost(plan, costs) > budget * (1 + 1e-9))
			return false;
		seen.add(key);
		const error = await judge(plan, best?.error ?? Number.POSITIVE_INFINITY);
		if (
			!best ||
			error < best.error ||
			// what it saves may pay for something else
			(error === best.error &&
				planCost(plan, costs) < planCost(best.plan, costs))
		)
			best = { plan, error };
		return true;
	};
	for (const start of options.starts) await consider(start);
	if (!best) return undefined;
	const generator = mersenneTwister(BigInt(options.seed));
	const below = (count: number) =>
		Math.floor((generator.next() / 2 ** 32) * count);
	let judged = 0;
	for (
		let tries = 0;
		judged < options.trials && tries < 200 * options.trials;
		tries++
	)
		if (await consider(move(best.plan, options, below))) judged++;
	return best;
}

function move(
	plan: KeyStepPlan,
	{ states, extrapolations }: SearchOptions,
	below: (count: number) => number,
): KeyStepPlan {
	const next = [...plan.states];
	let { extrapolation } = plan;
	// step 0 stays a key step
	const step = 1 + below(next.length - 1);
	switch (below(extrapolations.length > 1 ? 6 : 5)) {
		case 0:
		case 4: {
			// most of what a good plan can still gain is in where exactly its key steps lie
			const edges = next.flatMap((state, i) =>
				i > 0 &&
				i + 1 < next.length &&
				stepStateWord(state) !== stepStateWord(next[i + 1])
					? [i]
					: [],
			);
			const edge = edges[below(edges.length)] ?? step;
			const other = Math.min(next.length - 1, edge + 1);
			[next[edge], next[other]] = [next[other], next[edge]];
			break;
		}
		case 1: {
			const other = 1 + below(next.length - 1);
			[next[step], next[other]] = [next[other], next[step]];
			break;
		}
		case 2:
			next[step] = states[below(states.length)];
			break;
		case 3: {
			// a key step more, paid for by another
			const other = 1 + below(next.length - 1);
			next[other] = states[below(states.length)];
			next[step] = FULL;
			break;
		}
		default:
			extrapolation = extrapolations[below(extrapolations.length)];
	}
	return planFromStates(next, next.length, plan.label, extrapolation);
}
