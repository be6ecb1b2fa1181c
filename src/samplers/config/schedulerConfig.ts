import * as z from "zod";
import { nearestWord } from "../../errors/editDistance.js";
import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";

/** Every key that samplers read, by diffusers' names: its values, and what it is where a sampler reads it and nobody says otherwise. */
const samplerConfigSchema = z
	.object({
		num_train_timesteps: z.int().min(2).max(100_000).default(1000),
		beta_start: z.number().gt(0).lt(1).default(0.0001),
		beta_end: z.number().gt(0).lt(1).default(0.02),
		beta_schedule: z
			.enum(["linear", "scaled_linear", "squaredcos_cap_v2"])
			.default("linear"),
		trained_betas: z
			.array(z.number().gt(0).lte(1))
			.min(2)
			.max(100_000)
			.readonly()
			.nullable()
			.default(null),
		prediction_type: z
			.enum(["epsilon", "v_prediction", "sample"])
			.default("epsilon"),
		timestep_spacing: z
			.enum(["leading", "trailing", "linspace"])
			.default("linspace"),
		steps_offset: z.int().min(0).max(1000).default(0),
		rescale_betas_zero_snr: z.boolean().default(false),
		/** Whether the last step of DDIM-like samplers ends on ᾱ = 1 rather than on that of timestep 0. */
		set_alpha_to_one: z.boolean().default(true),
		clip_sample: z.boolean().default(false),
		clip_sample_range: z.number().gt(0).default(1),
		thresholding: z.boolean().default(false),
		dynamic_thresholding_ratio: z.number().gt(0).lte(1).default(0.995),
		sample_max_value: z.number().gte(1).default(1),
		variance_type: z
			.enum([
				"fixed_small",
				"fixed_small_log",
				"fixed_large",
				"fixed_large_log",
				"learned",
				"learned_range",
			])
			.nullable()
			.default(null),
		algorithm_type: z
			.enum(["dpmsolver", "dpmsolver++", "sde-dpmsolver++"])
			.default("dpmsolver++"),
		solver_order: z.int().min(1).max(3).default(2),
		solver_type: z
			.enum(["midpoint", "heun", "bh1", "bh2", "logrho"])
			.default("midpoint"),
		lower_order_final: z.boolean().default(true),
		euler_at_final: z.boolean().default(false),
		final_sigmas_type: z.enum(["zero", "sigma_min"]).default("zero"),
		lambda_min_clipped: z
			.union([z.number(), z.literal(-Infinity)])
			.default(-Infinity),
		use_karras_sigmas: z.boolean().default(false),
		use_exponential_sigmas: z.boolean().default(false),
		/** Align Your Steps (Sabour et al. 2024): no key of diffusers', where it is a list passed by the caller. */
		use_ays_sigmas: z.boolean().default(false),
		sigma_min: z.number().gte(1e-6).nullable().default(null),
		sigma_max: z.number().gt(0).lte(1e5).nullable().default(null),
		interpolation_type: z.enum(["linear", "log_linear"]).default("linear"),
		timestep_type: z.enum(["discrete", "continuous"]).default("discrete"),
		predict_x0: z.boolean().default(true),
		disable_corrector: z.array(z.int().min(0)).max(1000).readonly().default([]),
		skip_prk_steps: z.boolean().default(false),
		original_inference_steps: z.int().min(1).max(1000).default(50),
		timestep_scaling: z.number().gt(0).default(10),
	})
	.readonly();

/** The keys that a caller may set over a model's file, and no others. */
export const samplerOptionsSchema = z.strictObject(
	samplerConfigSchema.unwrap().shape,
);

/** All that a sampler needs to know of its noise schedule and solver: no key is missing, by diffusers' names. */
export type SamplerConfig = z.output<typeof samplerConfigSchema>;

/** The values of keys that nobody says anything of (diffusers' commonest defaults). */
export const DEFAULT_SAMPLER_CONFIG: SamplerConfig = samplerConfigSchema.parse(
	{},
);

/** Keys that files have and no sampler reads; they say which sampler it is, or ask for what there is not. */
const FILE_KEYS = {
	_class_name: z.string().max(200),
	_use_default_values: z.array(z.string().max(200)).max(200),
	algorithm_type: z.string().max(100),
	use_beta_sigmas: z.boolean(),
	use_lu_lambdas: z.boolean(),
	use_flow_sigmas: z.boolean(),
};

/** What a scheduler_config.json says; a key is there only if the file has it. */
export type SchedulerConfig = Omit<Partial<SamplerConfig>, "algorithm_type"> & {
	readonly [Key in Exclude<
		keyof typeof FILE_KEYS,
		"_use_default_values"
	>]?: z.output<(typeof FILE_KEYS)[Key]>;
};

const FILE_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
	...samplerConfigSchema.unwrap().shape,
	...FILE_KEYS,
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
	const refuse = (what: string) => {
		throw new UserError(`${label}: ${what}`, { code: "invalid_input" });
	};
	if (!isObject(json ?? {})) refuse(NOT_A_CONFIG);
	const keys: Record<string, unknown> = {};
	for (const [key, value] of said(json ?? {})) {
		if (!Object.hasOwn(FILE_SCHEMAS, key)) continue;
		const { error } = FILE_SCHEMAS[key].safeParse(value);
		if (error) refuse(`${key}: ${error.issues[0].message}`);
		keys[key] = value;
	}
	const { _use_default_values: defaults, ...rest } = keys;
	for (const key of (defaults ?? []) as string[]) delete rest[key];
	return rest as SchedulerConfig;
}

/**
 * Keys that a user sets over a model's own; nulls and what diffusers notes for itself (`_class_name`) are left out.
 * @throws OptionError naming the key when there is no such key, or its value is none that a sampler could use
 */
export function parseOverrides(json: unknown): Partial<SamplerConfig> {
	const refuse = (what: string) => {
		throw new OptionError("schedulerConfig", what);
	};
	if (!isObject(json)) refuse(NOT_A_CONFIG);
	const overrides = Object.fromEntries(
		said(json).filter(([key]) => !key.startsWith("_")),
	);
	const [issue] = samplerOptionsSchema.safeParse(overrides).error?.issues ?? [];
	if (issue?.code === "unrecognized_keys") {
		const [key] = issue.keys;
		const meant = nearestWord(key, Object.keys(samplerOptionsSchema.shape));
		refuse(
			`${JSON.stringify(key.slice(0, 60))} is no key that samplers read${meant ? `; did you mean ${meant}?` : ""}`,
		);
	}
	if (issue) refuse(`${String(issue.path[0])}: ${issue.message}`);
	return overrides;
}

const NOT_A_CONFIG = "not a scheduler's configuration, which is an object";

const isObject = (json: unknown) =>
	typeof json === "object" && json !== null && !Array.isArray(json);

const said = (json: unknown) =>
	Object.entries(json as object).filter(
		([, value]) => value !== null && value !== undefined,
	);
