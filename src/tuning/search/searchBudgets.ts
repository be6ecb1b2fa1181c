import type { KeyStepPlan } from "../../propagation/keyStepPlan.js";
import {
	DECODER,
	FULL,
	type StepState,
	stepStateWord,
} from "../../propagation/stepState.js";
import type { CalibrationPrompt } from "../runs/calibrationPrompt.js";
import { planCost, type StateCosts } from "../runs/planCost.js";
import type { PlanRuns } from "../runs/planRuns.js";
import type { TuneOptions } from "../runs/tuneOptions.js";
import { evenPlans } from "./evenPlans.js";
import { searchPlans } from "./planSearch.js";
import {
	type Candidate,
	EXTRAPOLATIONS,
	type PlanFamily,
} from "./tableCandidates.js";

export interface SearchContext {
	readonly runs: PlanRuns;
	readonly calibration: readonly CalibrationPrompt[];
	readonly candidates: readonly Candidate[];
	readonly costs: StateCosts;
	readonly plainCost: number;
	readonly states: readonly StepState[];
}

/** What the search found for a budget. */
export interface BudgetedPlan {
	readonly budget: number;
	readonly family: PlanFamily;
	readonly plan: KeyStepPlan;
	/** See `PlanRuns.objective`. */
	readonly error: number;
}

/** Local search for each budget, from the most to the least speed-up: what is cheaper fits every later budget too. */
export async function searchBudgets(
	options: TuneOptions,
	context: SearchContext,
	speedups: readonly number[],
): Promise<BudgetedPlan[]> {
	const { candidates, costs, plainCost, runs, calibration } = context;
	const found: BudgetedPlan[] = [];
	// plans of two states are plans of all states too, and begin their search
	const families: PlanFamily[] = ["tuned, two states", "tuned"];
	let done = 0;
	for (const speedup of speedups.toReversed())
		for (const family of families) {
			options.onProgress?.({
				stage: "searching",
				done: done++,
				total: speedups.length * families.length,
				note: `${speedup.toFixed(2)}x`,
			});
			const budget = plainCost / speedup;
			const affordable = candidates
				.filter(
					(own) =>
						own.family === family &&
						planCost(own.plan, costs) <= budget * (1 + 1e-9),
				)
				.sort((a, b) => a.estimate - b.estimate);
			const previous = found.findLast((own) => own.family === family);
			const best = await searchPlans({
				starts: [
					...affordable.slice(0, 3).map(({ plan }) => plan),
					...(previous ? [previous.plan] : []),
					...(family === "tuned"
						? [
								...found
									.filter(({ budget }) => budget === speedup)
									.map(({ plan }) => plan),
								...(options.starts ?? []),
								...evenPlans(
									options.settings.sampler,
									Math.floor(
										budget / (costs.costs.get(stepStateWord(FULL)) ?? 0) + 1e-9,
									),
								),
							]
						: []),
				],
				states: family === "tuned" ? context.states : [DECODER],
				extrapolations: EXTRAPOLATIONS,
				costs,
				budget,
				// the comparison with the paper's own states is not searched for as long
				trials:
					family === "tuned" ? options.trials : Math.ceil(options.trials / 3),
				seed: Number(options.settings.seed % 1_000_003n) + done,
				judge: (plan, limit) => runs.objective(calibration, { plan }, limit),
			});
			if (best) found.push({ budget: speedup, family, ...best });
		}
	return found.reverse();
}
