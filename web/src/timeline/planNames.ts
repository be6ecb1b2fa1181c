import type { PictureOptions, RunOutline } from "../pictureSource.js";
import { PRESETS } from "./planEditing.js";

/** A plan that has a name. */
export interface NamedPlan {
	readonly label: string;
	/** The options that take it. */
	readonly options: PictureOptions;
	readonly help: string;
}

/**
 * The plans that can be chosen for a run: presets, and those that were tuned for it.
 * @param plainSteps what the presets set the steps back to
 */
export function namedPlans(
	outline: RunOutline | undefined,
	plainSteps?: number,
): NamedPlan[] {
	return [
		...PRESETS.map(({ label, word, help }) => ({
			label,
			// a tuned plan of before may have had fewer
			options: {
				keySteps: word,
				...(plainSteps !== undefined && { steps: plainSteps }),
			},
			help,
		})),
		...(outline?.tunedPlans ?? []).map(({ label, options }) => ({
			label: `Tuned: ${label}`,
			options,
			help: "tuned for this model, sampler, steps and guidance",
		})),
	];
}

/** What the plan of these words is called. */
export function planName(
	words: unknown,
	plans: readonly NamedPlan[],
): string | undefined {
	return plans.find(({ options }) => options.keySteps === words)?.label;
}
