import { UserError } from "../errors/userError.js";
import { samplerByName } from "../samplers/config/samplerNames.js";
import type { FindPlan, WantedPlan } from "./findPlan.js";
import type { PlanFile } from "./planFile.js";

/**
 * Looks for tuned plans among those that are given, in their order. Of several that fit it is the one marked `auto` when it was made (see
 * tuning/search/autoPlan.ts); without a mark the first.
 */
export function findPlanAmong(plans: readonly PlanFile[]): FindPlan {
	const all = (wanted: WantedPlan) => fittingPlans(plans, wanted);
	const find = (wanted: WantedPlan) => {
		const found = all(wanted);
		return found.find(isMarked) ?? found[0];
	};
	return Object.assign(find, { all });
}

/** The plans that were tuned for a model, sampler, number of steps and guidance scale. */
function fittingPlans(
	plans: readonly PlanFile[],
	{ model, sampler, steps, guidanceScale }: WantedPlan,
): PlanFile[] {
	return plans.filter(
		(plan) =>
			plan.model === model &&
			plan.steps === steps &&
			plan.sampler !== undefined &&
			isSampler(plan.sampler, sampler) &&
			Math.abs((plan.guidanceScale ?? guidanceScale) - guidanceScale) < 1e-6,
	);
}

function isMarked({ madeBy }: PlanFile): boolean {
	return (madeBy as { auto?: unknown } | undefined)?.auto === true;
}

function isSampler(word: string, name: string): boolean {
	try {
		return samplerByName(word).name === name;
	} catch (error) {
		if (error instanceof UserError) return false;
		throw error;
	}
}
