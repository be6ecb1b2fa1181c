import * as z from "zod";
import type { FeatureExtrapolation, KeyStepPlan } from "./keyStepPlan.js";
import { timesSchema } from "./planTimes.js";
import type { StepState } from "./stepState.js";

// what plans are checked by, apart from what draws with them: pages that show plans need no schemas

const orderSchema = z.union([z.literal(0), z.literal(1), z.literal(2)]);

export const stepStateSchema = z.discriminatedUnion("run", [
	z.strictObject({ run: z.literal("full") }),
	z.strictObject({ run: z.literal("decoder") }),
	z.strictObject({
		run: z.literal("outer"),
		layers: z.int().min(1).max(999),
		encoder: z.enum(["fresh", "kept"]),
	}),
	z.strictObject({
		run: z.literal("nothing"),
		order: orderSchema,
		of: z.literal("denoised").optional(),
	}),
]) satisfies z.ZodType<StepState>;

export const extrapolationSchema = z.strictObject({
	order: orderSchema,
	over: z.enum(["timestep", "log-snr"]),
}) satisfies z.ZodType<FeatureExtrapolation>;

/** A plan as a caller in JavaScript may give it. */
export const keyStepPlanSchema: z.ZodType<KeyStepPlan, KeyStepPlan> =
	z.strictObject({
		label: z.string(),
		states: z
			.array(stepStateSchema)
			.min(1)
			.max(2000)
			.refine(([first]) => first?.run === "full", {
				error: "the first step must be full",
			}),
		extrapolation: extrapolationSchema,
		times: timesSchema.optional(),
		accelerator: z.looseObject({ kind: z.string() }).optional(),
		injectNoise: z.number().min(0).max(1).optional(),
		injectUntil: z.number().min(0).max(1).optional(),
	});
