import { UserError } from "../errors/userError.js";
import { samplerByName } from "../samplers/config/samplerNames.js";
import type { FindPlan, WantedPlan, WantedRun } from "./findPlan.js";
import type { PlanFile } from "./planFile.js";
import { PLAN_QUALITIES } from "./planQuality.js";

/**
 * Looks for tuned plans among those that are given, in their order. Of several that fit, the one of the quality that was asked for, else of
 * the next better one.
 */
export function findPlanAmong(plans: readonly PlanFile[]): FindPlan {
	const find = (wanted: WantedPlan) => {
		const found = plans.filter((plan) => fits(plan, wanted));
		const qualities = PLAN_QUALITIES.slice(
			0,
			PLAN_QUALITIES.indexOf(wanted.quality) + 1,
		).reverse();
		for (const own of qualities) {
			const plan = found.find(({ quality }) => quality === own);
			if (plan) return plan;
		}
		return undefined;
	};
	const all = (wanted: WantedRun) =>
		plans.filter((plan) => fits(plan, wanted, true));
	return Object.assign(find, { all });
}

/** @param ofOwn whether a plan fits a run of its own number of steps too: that is how it is asked for by its words */
function fits(plan: PlanFile, wanted: WantedRun, ofOwn = false): boolean {
	return (
		plan.model === wanted.model &&
		((plan.standsFor ?? plan.steps) === wanted.steps ||
			(ofOwn && plan.steps === wanted.steps)) &&
		plan.sampler !== undefined &&
		isSampler(plan.sampler, wanted.sampler) &&
		Math.abs(
			(plan.guidanceScale ?? wanted.guidanceScale) - wanted.guidanceScale,
		) < 1e-6
	);
}

function isSampler(word: string, name: string): boolean {
	try {
		return samplerByName(word).name === name;
	} catch (error) {
		if (error instanceof UserError) return false;
		throw error;
	}
}
