import { adaptiveDenoiser } from "../../accelerators/adaptive.js";
import { type KeyStepPlan, plainPlan } from "../../propagation/keyStepPlan.js";
import { stepStateWord } from "../../propagation/stepState.js";
import type { Sampler } from "../../samplers/sampler.js";
import { planCost, type StateCosts } from "../runs/planCost.js";
import type { ScoredRun } from "../runs/planRuns.js";
import type { TuneOptions } from "../runs/tuneOptions.js";
import { comparisonPlans, extrapolatedPaperPlan } from "./comparisonPlans.js";
import type { BudgetedPlan } from "./searchBudgets.js";

/** A run that takes part in the comparison on held-out prompts. */
export interface Contender {
	readonly series: string;
	readonly label: string;
	readonly run: ScoredRun;
	/** Times cheaper than the plain run, by the costs of the states; absent where only the run itself decides what it costs. */
	readonly speedup?: number;
	readonly plan?: KeyStepPlan;
	readonly budget?: number;
	readonly calibration?: number;
}

/** The plain run, which all others are compared with. */
export function plainContender(evaluations: number): Contender {
	return {
		series: "plain",
		label: "plain",
		run: { plan: plainPlan(evaluations) },
		speedup: 1,
	};
}

/** Tuned plans, and what they are compared with: the paper's plan, uniform key steps, DeepCache, fewer steps, adaptive key steps. */
export function contenders(
	options: TuneOptions,
	tuned: readonly BudgetedPlan[],
	speedups: readonly number[],
	costs: StateCosts,
): Contender[] {
	const evaluations = options.settings.sampler.timesteps.length;
	const plainCost = planCost(plainPlan(evaluations), costs);
	const ofPlan = (plan: KeyStepPlan) => ({
		run: { plan },
		plan,
		speedup: plainCost / planCost(plan, costs),
	});
	const extrapolated = extrapolatedPaperPlan(evaluations);
	const few = options.comparisons === "few";
	return [
		...comparisonPlans(evaluations, [1, 2])
			.filter(
				({ series, plan: { states } }) =>
					(!few || series === "paper") &&
					states.every((state) => costs.costs.has(stepStateWord(state))),
			)
			.map(({ series, plan }) => ({
				series,
				label: plan.label,
				...ofPlan(plan),
			})),
		...(few
			? []
			: [
					{
						series: "paper, extrapolated",
						label: extrapolated.label,
						...ofPlan(extrapolated),
					},
				]),
		...tuned.map(({ budget, family, plan, error }) => ({
			series: family,
			label: `${family} ${budget.toFixed(2)}x`,
			budget,
			calibration: error,
			...ofPlan(plan),
		})),
		...fewerSteps(options, speedups).map(({ steps, sampler }) => {
			const count = sampler.timesteps.length;
			const label = `${steps} steps`;
			return {
				series: "fewer steps",
				label,
				run: { plan: plainPlan(count), sampler, label },
				speedup: evaluations / count,
			};
		}),
		...(few ? [] : options.adaptive).map((threshold) => {
			const label = `adaptive:${threshold}`;
			return {
				series: "adaptive",
				label,
				run: {
					plan: plainPlan(evaluations),
					label,
					denoiser: adaptiveDenoiser({ threshold }),
				},
			};
		}),
	];
}

/** Runs with fewer steps, one for each speed-up, as many steps as it allows. */
function fewerSteps(
	{ settings, settingsFor }: TuneOptions,
	speedups: readonly number[],
): { steps: number; sampler: Sampler }[] {
	const counts = new Set(
		speedups.map((speedup) =>
			Math.max(1, Math.floor(settings.steps / speedup + 1e-9)),
		),
	);
	counts.delete(settings.steps);
	return [...counts].map((steps) => ({
		steps,
		sampler: settingsFor(steps).sampler,
	}));
}
