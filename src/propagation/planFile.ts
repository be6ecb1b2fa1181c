import * as z from "zod";
import { OptionError } from "../errors/optionError.js";
import { parseJson } from "../files/parseJson.js";
import { samplerByName } from "../samplers/config/samplerNames.js";
import { timesValues } from "../samplers/schedules/timeGrid.js";
import {
	type KeyStepPlan,
	planFromKeySteps,
	planFromStates,
} from "./keyStepPlan.js";
import { PLAN_QUALITIES } from "./planQuality.js";
import { extrapolationSchema } from "./planSchema.js";
import { timesSchema } from "./planTimes.js";
import { parseStepState } from "./stepState.js";

export const planFileSchema = z
	.object({
		sampler: z.string().max(100).optional(),
		steps: z.int().min(1).max(1000),
		/** The sampler's grid: a training timestep for each step, decreasing, or `{ "logSnr": […] }`, increasing. */
		times: timesSchema.optional(),
		keySteps: z.array(z.int()).min(1).max(2000).optional(),
		states: z.array(z.string().max(40)).min(1).max(2000).optional(),
		extrapolation: extrapolationSchema.optional(),
		injectNoise: z.number().min(0).max(1).optional(),
		injectUntil: z.number().min(0).max(1).optional(),
		/** Steps of the plain run that it takes the place of, where these are not as many as its own. */
		standsFor: z.int().min(1).max(1000).optional(),
		/** What it was found to lose; without, `auto` does not take it. */
		quality: z.enum(PLAN_QUALITIES).optional(),
		model: z.string().max(200).optional(),
		guidanceScale: z.number().optional(),
		madeBy: z.unknown().optional(),
	})
	.refine(
		(plan) => (plan.keySteps === undefined) !== (plan.states === undefined),
		{
			error: "exactly one of keySteps and states must be given",
		},
	)
	.refine(({ times, steps }) => !times || timesValues(times).length === steps, {
		path: ["times"],
		error: "there must be as many times as steps",
	});

/** A plan as it is written to disk; either `keySteps` (two states, as in the paper) or one of `states` a step. */
export type PlanFile = z.infer<typeof planFileSchema>;

/**
 * Reads the text of a plan file.
 * @throws UserError (code "usage") that names the file and what is wrong in it.
 */
export function parsePlanFile(text: string, name: string): PlanFile {
	return parseJson(planFileSchema, text, name, {
		what: "plan file",
		code: "usage",
	});
}

/** The run that a plan is to be used for. */
export interface PlannedRun {
	readonly sampler: string;
	readonly steps: number;
	readonly evaluations: number;
}

/**
 * The plan of a file, for a run.
 * @param name how errors call the file
 * @throws OptionError when it was made for other steps or another sampler, or does not fit.
 */
export function planFromFile(
	file: PlanFile,
	run: PlannedRun,
	name: string,
): KeyStepPlan {
	const refuse = (what: string) => {
		throw new OptionError("keySteps", `${name} is for ${what}`);
	};
	if (file.steps !== run.steps && file.standsFor !== run.steps)
		refuse(
			`${file.steps} steps, not ${run.steps}; use as many steps, or another plan`,
		);
	const sampler = file.sampler && samplerByName(file.sampler).name;
	if (sampler && sampler !== run.sampler)
		refuse(
			`the sampler ${sampler}, not ${run.sampler}; use that sampler, or another plan`,
		);
	const plan = file.states
		? planFromStates(
				file.states.map((word) => parseStepState(word, name)),
				run.evaluations,
				name,
				file.extrapolation,
			)
		: planFromKeySteps(file.keySteps ?? [], run.evaluations, name);
	const { injectNoise, injectUntil, times } = file;
	return {
		...plan,
		...(times && { times }),
		...(injectNoise !== undefined && { injectNoise }),
		...(injectUntil !== undefined && { injectUntil }),
	};
}
