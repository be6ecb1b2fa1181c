import type { KeyStepPlan } from "./keyStepPlan.js";
import { type StepState, seesLatents } from "./stepState.js";

/** One evaluation of a segment. */
export interface PlannedStep {
	/** Index of the evaluation in the run. */
	readonly index: number;
	readonly state: StepState;
}

/**
 * Cuts a plan into segments: each begins with a step that reads its latents and holds all steps after it that do not.
 * Within a segment the predictions are independent of each other, so they can be computed in one batch before the
 * sampler takes its steps one after another (Faster Diffusion, section 3.3, "parallel denoising").
 * @param start the evaluation to begin with, which must read its latents (see `planFrom`)
 */
export function segments(plan: KeyStepPlan, start = 0): PlannedStep[][] {
	const cut: PlannedStep[][] = [];
	for (const [index, state] of plan.states.entries()) {
		if (index < start) continue;
		if (seesLatents(state)) cut.push([]);
		cut[cut.length - 1].push({ index, state });
	}
	return cut;
}
