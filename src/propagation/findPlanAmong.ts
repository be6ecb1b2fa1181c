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
	const all = (wanted: WantedRun) => {
		const isOwn = (plan: PlanFile) =>
			plan.steps === wanted.steps &&
			fits(plan, { ...wanted, steps: plan.standsFor ?? plan.steps });
		// a plan may be asked for by its own number of steps: then those that stand for the same run are there too
		const lengths = new Set([
			wanted.steps,
			...plans.filter(isOwn).map(({ steps, standsFor = steps }) => standsFor),
		]);
		return plans.filter((plan) =>
			[...lengths].some((steps) => fits(plan, { ...wanted, steps })),
		);
	};
	return Object.assign(find, { all });
}

function fits(plan: PlanFile, wanted: WantedRun): boolean {
	return (
		plan.model === wanted.model &&
		(plan.standsFor ?? plan.steps) === wanted.steps &&
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
