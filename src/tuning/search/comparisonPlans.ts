import {
	type KeyStepPlan,
	planFromStates,
} from "../../propagation/keyStepPlan.js";
import { parseKeySteps } from "../../propagation/planStates.js";

/** A plan that tuned plans are compared with. */
export interface ComparisonPlan {
	readonly series: "paper" | "uniform" | "deepcache";
	readonly plan: KeyStepPlan;
}

/** The paper's plan, uniform key steps and DeepCache at several periods, as far as they fit into the run. */
export function comparisonPlans(
	evaluations: number,
	deepCacheLayers: readonly number[],
): ComparisonPlan[] {
	const plans: ComparisonPlan[] = [
		{ series: "paper", plan: parseKeySteps("paper", evaluations) },
	];
	for (const period of [2, 3, 4])
		if (period < evaluations)
			plans.push({
				series: "uniform",
				plan: parseKeySteps(`uniform:${period}`, evaluations),
			});
	for (const period of [2, 3])
		for (const layers of deepCacheLayers)
			if (period < evaluations)
				plans.push({
					series: "deepcache",
					plan: parseKeySteps(`deepcache:${period}:${layers}`, evaluations),
				});
	return plans;
}

/** The paper's key steps with linearly extrapolated features: what the idea gains from extrapolation alone. */
export function extrapolatedPaperPlan(evaluations: number): KeyStepPlan {
	const { states } = parseKeySteps("paper", evaluations);
	return planFromStates(states, evaluations, "paper, extrapolated", {
		order: 1,
		over: "log-snr",
	});
}
