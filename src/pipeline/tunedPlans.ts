import type { FindPlan } from "../propagation/findPlan.js";
import type { PlanFile } from "../propagation/planFile.js";
import { stepStateWord } from "../propagation/stepState.js";
import type { GenerateOptions } from "./options.js";
import type { RunSettings } from "./runSettings.js";

/** A plan that was tuned for a run. */
export interface TunedPlan {
	/** What it is called among the others: how many times less work it was to be, "1.50x". */
	readonly label: string;
	/** The options that take it. */
	readonly options: Pick<
		GenerateOptions,
		"keySteps" | "injectNoise" | "injectUntil"
	>;
	/** What runs at each step. */
	readonly states: readonly string[];
}

/**
 * The plans that were tuned for the model, sampler, steps and guidance of a run, the slowest first.
 * @param settle fills in the defaults of the run with other options
 */
export function tunedPlans(
	settings: RunSettings,
	model: { readonly hash: string; readonly findPlan?: FindPlan },
	settle: (change: Partial<GenerateOptions>) => RunSettings,
): TunedPlan[] {
	const found =
		model.findPlan?.all?.({
			model: model.hash,
			sampler: settings.sampler.name,
			steps: settings.steps,
			guidanceScale: settings.guidanceScale,
		}) ?? [];
	const plans = found.map((file): TunedPlan => {
		const { plan, options } = settle({ keySteps: file });
		const words = { keySteps: plan.label };
		// said only where the words alone would not lead to it
		const { injectNoise, injectUntil } = options;
		const alone = settle(words).options;
		return {
			label: labelOf(file),
			options: {
				...words,
				...(alone.injectNoise !== injectNoise && { injectNoise }),
				...(alone.injectUntil !== injectUntil && { injectUntil }),
			},
			states: plan.states.map(stepStateWord),
		};
	});
	// the same folder may be looked through under two names
	const byWords = new Map(plans.map((plan) => [plan.options.keySteps, plan]));
	return [...byWords.values()].toSorted((a, b) =>
		a.label.localeCompare(b.label, "en"),
	);
}

function labelOf({ madeBy }: PlanFile): string {
	const { budget } = (madeBy ?? {}) as { readonly budget?: unknown };
	return typeof budget === "number" ? `${budget.toFixed(2)}x` : "tuned";
}
