import {
	type FeatureExtrapolation,
	type KeyStepPlan,
	planFromStates,
} from "../../propagation/keyStepPlan.js";
import {
	DECODER,
	parseStepState,
	type StepState,
	stepStateWord,
} from "../../propagation/stepState.js";
import type { CalibrationPrompt } from "../runs/calibrationPrompt.js";
import type { StateCosts } from "../runs/planCost.js";
import type { TuneOptions } from "../runs/tuneOptions.js";
import type { TuningState } from "../runs/tuningState.js";
import { measureGains } from "./gains.js";
import { optimalPlans } from "./optimalPlans.js";
import { type PlainTables, plainTables } from "./plainTables.js";
import { samplerSensitivity } from "./samplerSensitivity.js";
import { segmentErrors } from "./segmentErrors.js";

/** Families of plans that are tuned: with every state, and with the paper's two (extrapolated features allowed). */
export type PlanFamily = "tuned" | "tuned, two states";

/** How kept features may be extrapolated. */
export const EXTRAPOLATIONS: readonly FeatureExtrapolation[] = [
	{ order: 1, over: "log-snr" },
	{ order: 0, over: "timestep" },
	{ order: 1, over: "timestep" },
	{ order: 2, over: "log-snr" },
	{ order: 2, over: "timestep" },
];

/** A plan that the tables recommend. */
export interface Candidate {
	readonly family: PlanFamily;
	readonly plan: KeyStepPlan;
	readonly estimate: number;
}

/** The fronts of the dynamic programmes of both families under every extrapolation; kept in the state. */
export async function tableCandidates(
	options: TuneOptions,
	states: readonly StepState[],
	costs: StateCosts,
	prompts: readonly CalibrationPrompt[],
): Promise<Candidate[]> {
	const { pipeline, settings, state, reach, signal } = options;
	const { sampler } = settings;
	const evaluations = sampler.timesteps.length;
	if (prompts.length === 0) state.candidates = [];
	if (!state.candidates) {
		const { unet } = pipeline;
		const sensitivity = samplerSensitivity(sampler);
		const tables: PlainTables[] = [];
		let done = 0;
		for (const prompt of prompts)
			tables.push(
				await plainTables(prompt, {
					unet,
					sampler,
					states,
					window: Math.min(2 * reach, reach + 4),
					outerWindow: reach - 1,
					signal,
					onStep: () =>
						options.onProgress?.({
							stage: "error tables",
							done: ++done,
							total: prompts.length * evaluations,
						}),
				}),
			);
		const gains = await measureGains(prompts[0], tables[0], {
			unet,
			sampler,
			sensitivity,
			probes: 6,
			signal,
		});
		const weighted = sensitivity.map((value, i) => value * gains[i]);
		const found: NonNullable<TuningState["candidates"]> = [];
		for (const extrapolation of EXTRAPOLATIONS)
			for (const [family, own] of [
				["tuned", states],
				["tuned, two states", [DECODER]],
			] as const)
				for (const { plan, estimate } of optimalPlans(
					segmentErrors(tables, {
						sampler,
						states: own,
						extrapolation,
						reach,
						sensitivity: weighted,
					}),
					costs,
				))
					found.push({
						family,
						estimate,
						states: plan.states.map(stepStateWord),
						...extrapolation,
					});
		state.candidates = found;
		await options.save(state);
	}
	return state.candidates.map(
		({ family, estimate, states: words, order, over }) => ({
			family: family as PlanFamily,
			estimate,
			plan: planFromStates(
				words.map((word) => parseStepState(word, "state")),
				evaluations,
				family,
				{ order, over },
			),
		}),
	);
}
