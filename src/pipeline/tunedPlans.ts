import { OptionError } from "../errors/optionError.js";
import type { FindPlan } from "../propagation/findPlan.js";
import type { PlanFile } from "../propagation/planFile.js";
import { stepStateWord } from "../propagation/stepState.js";
import type { GenerateOptions } from "./options.js";
import type { RunSettings } from "./runSettings.js";

/** A plan that was tuned for a run. */
export interface TunedPlan {
	/** What it is called among the others: its quality, how many of its steps call the network, and in place of how many. */
	readonly label: string;
	/** The options that take it. */
	readonly options: Pick<
		GenerateOptions,
		"keySteps" | "steps" | "injectNoise" | "injectUntil"
	>;
	/** What runs at each step. */
	readonly states: readonly string[];
	/** Steps of the plain run that it takes the place of. */
	readonly standsFor: number;
}

/**
 * The plans that were tuned for the model, sampler, steps and guidance of a run, the nearest to the plain run first. One that
 * does not fit the run's other options (a schedule of its own, a strength of which too few steps are left) is left out.
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
			steps: settings.chosenPlan?.standsFor ?? settings.steps,
			guidanceScale: settings.guidanceScale,
		}) ?? [];
	const offered = (file: PlanFile): TunedPlan => {
		const { plan, options } = settle({ keySteps: file, steps: file.steps });
		const words = { keySteps: plan.label, steps: file.steps };
		// said only where the words alone would not lead to it
		const { injectNoise, injectUntil } = options;
		const alone = settle(words).options;
		const states = plan.states.map(stepStateWord);
		return {
			label: labelOf(file, states),
			options: {
				...words,
				...(alone.injectNoise !== injectNoise && { injectNoise }),
				...(alone.injectUntil !== injectUntil && { injectUntil }),
			},
			states,
			standsFor: file.standsFor ?? file.steps,
		};
	};
	const plans = found.flatMap((file) => {
		try {
			return [offered(file)];
		} catch (error) {
			// the run itself is right: what is wrong comes with the plan
			if (error instanceof OptionError) return [];
			throw error;
		}
	});
	// the same folder may be looked through under two names
	const byWords = new Map(plans.map((plan) => [plan.options.keySteps, plan]));
	return [...byWords.values()].toSorted(
		(a, b) => callsOf(b.states) - callsOf(a.states),
	);
}

const callsOf = (states: readonly string[]) =>
	states.filter((state) => state === "full").length;

function labelOf(
	{ quality, standsFor, steps }: PlanFile,
	states: readonly string[],
): string {
	return `${quality ?? "tuned"}, ${callsOf(states)} of ${standsFor ?? steps}`;
}
