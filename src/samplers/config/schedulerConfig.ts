import * as z from "zod";
import { editDistance } from "../../errors/editDistance.js";
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

/** Ends with an error about one key (or about the whole, where it has none). */
export type Refuse = (key: string, what: string) => never;

const SHAPE: Record<string, z.ZodType> = samplerConfigSchema.unwrap().shape;

function checkedKeys(
	json: unknown,
	schemas: Record<string, z.ZodType>,
	refuse: Refuse,
): Record<string, unknown> {
	if (typeof json !== "object" || json === null || Array.isArray(json))
		return refuse("", "not a scheduler's configuration, which is an object");
	const said = Object.entries(json).filter(
		([key, value]) =>
			value !== null && value !== undefined && Object.hasOwn(schemas, key),
	);
	return Object.fromEntries(
		said.map(([key, value]) => {
			const result = schemas[key].safeParse(value);
			return result.success
				? [key, result.data]
				: refuse(key, result.error.issues[0].message);
		}),
	);
}

/**
 * The scheduler_config.json of a model, checked. Keys that no sampler reads are dropped, and so are nulls and the keys
 * that `_use_default_values` lists: diffusers notes there what was a class's default and never in a file.
 * @throws UserError when a key has a value that no sampler could use; the message names `label` and the key.
 */
export function parseSchedulerConfig(
	json: unknown,
	label = "scheduler_config.json",
): SchedulerConfig {
	const { _use_default_values: defaults, ...keys } = checkedKeys(
		json ?? {},
		{ ...SHAPE, ...FILE_KEYS },
		(key, what) => {
			throw new UserError(`${label}: ${key ? `${key}: ` : ""}${what}`, {
				code: "invalid_input",
			});
		},
	);
	for (const key of (defaults ?? []) as string[]) delete keys[key];
	return keys as SchedulerConfig;
}

/**
 * Keys that a user sets over a model's own.
 * @throws OptionError naming the key when there is no such key, or its value is none that a sampler could use
 */
export function parseOverrides(json: unknown): Partial<SamplerConfig> {
	const refuse: Refuse = (key, what) => {
		throw new OptionError("schedulerConfig", `${key ? `${key}: ` : ""}${what}`);
	};
	const checked = checkedKeys(json, SHAPE, refuse);
	for (const key of Object.keys(json as object))
		if (!Object.hasOwn(SHAPE, key) && !key.startsWith("_")) {
			const known = Object.keys(SHAPE);
			const nearest = known.reduce((best, other) =>
				editDistance(key.slice(0, 60), other) <
				editDistance(key.slice(0, 60), best)
					? other
					: best,
			);
			refuse(
				"",
				`${JSON.stringify(key.slice(0, 60))} is no key that samplers read; did you mean ${nearest}?`,
			);
		}
	return checked as Partial<SamplerConfig>;
}
