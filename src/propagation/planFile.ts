import * as z from "zod";
import { UserError } from "../errors/userError.js";
import {
	type KeyStepPlan,
	planFromKeySteps,
	planFromStates,
} from "./keyStepPlan.js";
import { parseStepState } from "./stepState.js";

/** The JSON of a plan file. */
export const planFileSchema = z
	.object({
		sampler: z.string().max(100).optional(),
		steps: z.int().min(1).max(1000),
		keySteps: z.array(z.int()).min(1).max(2000).optional(),
		states: z.array(z.string().max(40)).min(1).max(2000).optional(),
		extrapolation: z
			.object({
				order: z.union([z.literal(0), z.literal(1), z.literal(2)]),
				over: z.enum(["timestep", "log-snr"]),
			})
			.optional(),
		injectNoise: z.number().min(0).max(1).optional(),
		injectUntil: z.number().min(0).max(1).optional(),
		model: z.string().max(200).optional(),
		guidanceScale: z.number().optional(),
		madeBy: z.unknown().optional(),
	})
	.refine(
		(plan) => (plan.keySteps === undefined) !== (plan.states === undefined),
		{
			error: "exactly one of keySteps and states must be given",
		},
	);

/** A plan as it is written to disk; either `keySteps` (two states, as in the paper) or one of `states` a step. */
export type PlanFile = z.infer<typeof planFileSchema>;

/**
 * Reads the text of a plan file.
 * @throws UserError (exit code 2) that names the file and what is wrong in it.
 */
export function parsePlanFile(text: string, name: string): PlanFile {
	let json: unknown;
	try {
		json = JSON.parse(text);
	} catch {
		throw new UserError(`${name}: not a plan file: it is not valid JSON`, {
			code: "usage",
		});
	}
	const parsed = planFileSchema.safeParse(json);
	if (parsed.success) return parsed.data;
	const [{ path, message }] = parsed.error.issues;
	const where = path.join(".");
	const what = /received undefined$/.test(message)
		? `${where} is missing`
		: `${where}${where && ": "}${message}`;
	throw new UserError(`${name}: not a plan file: ${what}`, { code: "usage" });
}

/** The run that a plan is to be used for. */
export interface PlannedRun {
	readonly sampler: string;
	readonly steps: number;
	readonly evaluations: number;
}

/**
 * The plan of a file, for a run.
 * @throws UserError (exit code 2) when it was made for other steps or another sampler, or does not fit.
 */
export function planFromFile(
	file: PlanFile,
	run: PlannedRun,
	name: string,
): KeyStepPlan {
	if (file.steps !== run.steps)
		throw new UserError(
			`${name}: this plan is for ${file.steps} steps, not ${run.steps}; use --steps ${file.steps} or another plan`,
			{ code: "usage" },
		);
	if (file.sampler !== undefined && file.sampler !== run.sampler)
		throw new UserError(
			`${name}: this plan is for the sampler ${file.sampler}, not ${run.sampler}; use --sampler ${file.sampler} or another plan`,
			{ code: "usage" },
		);
	const plan = file.states
		? planFromStates(
				file.states.map((word) => parseStepState(word, name)),
				run.evaluations,
				name,
				file.extrapolation,
			)
		: planFromKeySteps(file.keySteps ?? [], run.evaluations, name);
	return {
		...plan,
		...(file.injectNoise === undefined
			? {}
			: { injectNoise: file.injectNoise }),
		...(file.injectUntil === undefined
			? {}
			: { injectUntil: file.injectUntil }),
	};
}
