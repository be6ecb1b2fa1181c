import type { KeyStepPlan } from "./keyStepPlan.js";
import { FULL } from "./stepState.js";

/**
 * A plan for a run that starts at evaluation `start`: that evaluation runs the whole network, since nothing is kept from before it.
 * @throws RangeError when the plan has no such evaluation
 */
export function planFrom(plan: KeyStepPlan, start: number): KeyStepPlan {
	if (!Number.isInteger(start) || start < 0 || start >= plan.states.length)
		throw new RangeError(
			`a plan of ${plan.states.length} evaluations has none with the index ${start}`,
		);
	return plan.states[start].run === "full"
		? plan
		: { ...plan, states: plan.states.with(start, FULL) };
}
