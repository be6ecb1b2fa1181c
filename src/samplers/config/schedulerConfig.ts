import * as z from "zod";
import { UserError } from "../../errors/userError.js";

const finite = z.number().refine(Number.isFinite, "must be finite");
const optional = <T extends z.ZodType>(type: T) => type.nullish();

/**
 * The keys of a diffusers scheduler_config.json that samplers read, by diffusers' names. All are optional: what a file
 * does not say is up to the sampler that reads it.
 */
const schedulerConfigSchema = z.object({
	_class_name: optional(z.string().max(200)),
	_use_default_values: optional(z.array(z.string().max(200)).max(200)),
	num_train_timesteps: optional(z.int().min(2).max(100_000)),
	beta_start: optional(z.number().gt(0).lt(1)),
	beta_end: optional(z.number().gt(0).lt(1)),
	beta_schedule: optional(
		z.enum(["linear", "scaled_linear", "squaredcos_cap_v2"]),
	),
	trained_betas: optional(z.array(z.number().gt(0).lte(1)).min(2).max(100_000)),
	prediction_type: optional(z.enum(["epsilon", "v_prediction", "sample"])),
	timestep_spacing: optional(z.enum(["leading", "trailing", "linspace"])),
	steps_offset: optional(z.int().min(0).max(1000)),
	rescale_betas_zero_snr: optional(z.boolean()),
	set_alpha_to_one: optional(z.boolean()),
	clip_sample: optional(z.boolean()),
	clip_sample_range: optional(finite.gt(0)),
	thresholding: optional(z.boolean()),
	dynamic_thresholding_ratio: optional(z.number().gt(0).lte(1)),
	sample_max_value: optional(finite.gte(1)),
	variance_type: optional(
		z.enum([
			"fixed_small",
			"fixed_small_log",
			"fixed_large",
			"fixed_large_log",
			"learned",
			"learned_range",
		]),
	),
	algorithm_type: optional(z.string().max(100)),
	solver_order: optional(z.int().min(1).max(3)),
	solver_type: optional(z.enum(["midpoint", "heun", "bh1", "bh2", "logrho"])),
	lower_order_final: optional(z.boolean()),
	euler_at_final: optional(z.boolean()),
	final_sigmas_type: optional(z.enum(["zero", "sigma_min"])),
	lambda_min_clipped: optional(z.number()),
	use_karras_sigmas: optional(z.boolean()),
	use_exponential_sigmas: optional(z.boolean()),
	use_beta_sigmas: optional(z.boolean()),
	use_lu_lambdas: optional(z.boolean()),
	use_flow_sigmas: optional(z.boolean()),
	sigma_min: optional(finite.gt(0)),
	sigma_max: optional(finite.gt(0)),
	interpolation_type: optional(z.enum(["linear", "log_linear"])),
	timestep_type: optional(z.enum(["discrete", "continuous"])),
	predict_x0: optional(z.boolean()),
	disable_corrector: optional(z.array(z.int().min(0)).max(1000)),
	skip_prk_steps: optional(z.boolean()),
	original_inference_steps: optional(z.int().min(1).max(1000)),
	timestep_scaling: optional(finite.gt(0)),
});

type Parsed = z.infer<typeof schedulerConfigSchema>;

/** What a scheduler_config.json says; a key is there only if the file has it. */
export type SchedulerConfig = {
	readonly [Key in keyof Parsed]?: NonNullable<Parsed[Key]>;
};

/**
 * The scheduler_config.json of a model, checked. Keys that no sampler reads are dropped, and so are nulls and the keys
 * that `_use_default_values` lists: diffusers notes there what was a class's default and never in a file.
 * @throws UserError when a key has a value that no sampler could use; the message names `label` and the key.
 */
export function parseSchedulerConfig(
	json: unknown,
	label = "scheduler_config.json",
): SchedulerConfig {
	const result = schedulerConfigSchema.safeParse(json ?? {});
	if (!result.success) {
		const [issue] = result.error.issues;
		const key = issue?.path.join(".") ?? "";
		throw new UserError(
			`${label}: ${key ? `${key}: ` : ""}${issue?.message ?? "not a scheduler's configuration"}`,
		);
	}
	const { _use_default_values: defaults, ...keys } = result.data;
	return Object.fromEntries(
		Object.entries(keys).filter(
			([key, value]) =>
				value !== null && value !== undefined && !defaults?.includes(key),
		),
	);
}
