import { UserError } from "../../errors/userError.js";
import type { SamplerName } from "../sampler.js";
import type { SchedulerConfig } from "./schedulerConfig.js";

/** All that a sampler needs to know of its noise schedule and solver: no key is missing, by diffusers' names. */
export interface SamplerConfig {
	readonly num_train_timesteps: number;
	readonly beta_start: number;
	readonly beta_end: number;
	readonly beta_schedule: "linear" | "scaled_linear" | "squaredcos_cap_v2";
	readonly trained_betas: readonly number[] | null;
	readonly prediction_type: "epsilon" | "v_prediction" | "sample";
	readonly timestep_spacing: "leading" | "trailing" | "linspace";
	readonly steps_offset: number;
	readonly rescale_betas_zero_snr: boolean;
	/** Whether the last step of DDIM-like samplers ends on ᾱ = 1 rather than on that of timestep 0. */
	readonly set_alpha_to_one: boolean;
	readonly clip_sample: boolean;
	readonly clip_sample_range: number;
	readonly thresholding: boolean;
	readonly dynamic_thresholding_ratio: number;
	readonly sample_max_value: number;
	readonly variance_type:
		| "fixed_small"
		| "fixed_small_log"
		| "fixed_large"
		| "fixed_large_log"
		| "learned"
		| "learned_range"
		| null;
	readonly algorithm_type: "dpmsolver" | "dpmsolver++" | "sde-dpmsolver++";
	readonly solver_order: number;
	readonly solver_type: "midpoint" | "heun" | "bh1" | "bh2" | "logrho";
	readonly lower_order_final: boolean;
	readonly euler_at_final: boolean;
	readonly final_sigmas_type: "zero" | "sigma_min";
	readonly lambda_min_clipped: number;
	readonly use_karras_sigmas: boolean;
	readonly use_exponential_sigmas: boolean;
	/** Align Your Steps (Sabour et al. 2024): no key of diffusers', where it is a list passed by the caller. */
	readonly use_ays_sigmas: boolean;
	readonly sigma_min: number | null;
	readonly sigma_max: number | null;
	readonly interpolation_type: "linear" | "log_linear";
	readonly timestep_type: "discrete" | "continuous";
	readonly predict_x0: boolean;
	readonly disable_corrector: readonly number[];
	readonly skip_prk_steps: boolean;
	readonly original_inference_steps: number;
	readonly timestep_scaling: number;
}

/** How the noise levels of the steps are spread; `default` is what the model's configuration says. */
export type SigmaSchedule = "default" | "karras" | "exponential" | "ays";

/** Values where a sampler reads the key at all but has nothing else to say (diffusers' commonest defaults). */
const FALLBACK: SamplerConfig = {
	num_train_timesteps: 1000,
	beta_start: 0.0001,
	beta_end: 0.02,
	beta_schedule: "linear",
	trained_betas: null,
	prediction_type: "epsilon",
	timestep_spacing: "linspace",
	steps_offset: 0,
	rescale_betas_zero_snr: false,
	set_alpha_to_one: true,
	clip_sample: false,
	clip_sample_range: 1,
	thresholding: false,
	dynamic_thresholding_ratio: 0.995,
	sample_max_value: 1,
	variance_type: null,
	algorithm_type: "dpmsolver++",
	solver_order: 2,
	solver_type: "midpoint",
	lower_order_final: true,
	euler_at_final: false,
	final_sigmas_type: "zero",
	lambda_min_clipped: -Infinity,
	use_karras_sigmas: false,
	use_exponential_sigmas: false,
	use_ays_sigmas: false,
	sigma_min: null,
	sigma_max: null,
	interpolation_type: "linear",
	timestep_type: "discrete",
	predict_x0: true,
	disable_corrector: [],
	skip_prk_steps: false,
	original_inference_steps: 50,
	timestep_scaling: 10,
};

type Key = keyof SamplerConfig;

const NOISE_KEYS: readonly Key[] = [
	"num_train_timesteps",
	"beta_start",
	"beta_end",
	"beta_schedule",
	"trained_betas",
	"prediction_type",
	"timestep_spacing",
	"steps_offset",
];
const CLIP_KEYS: readonly Key[] = ["clip_sample", "clip_sample_range"];
const THRESHOLD_KEYS: readonly Key[] = [
	"thresholding",
	"dynamic_thresholding_ratio",
	"sample_max_value",
];
const SPREAD_KEYS: readonly Key[] = [
	"use_karras_sigmas",
	"use_exponential_sigmas",
];
const SOLVER_KEYS: readonly Key[] = [
	...THRESHOLD_KEYS,
	...SPREAD_KEYS,
	"solver_order",
	"solver_type",
	"lower_order_final",
];

interface SamplerKeys {
	/** The keys that this sampler reads from a file (its diffusers class has them); others in the file mean nothing to it. */
	readonly reads: readonly Key[];
	/** Its own defaults. */
	readonly defaults: Partial<SamplerConfig>;
	/** What its name says, whatever the file says. */
	readonly pinned?: Partial<SamplerConfig>;
}

const DPM_MULTISTEP: readonly Key[] = [
	...NOISE_KEYS,
	...SOLVER_KEYS,
	"rescale_betas_zero_snr",
	"euler_at_final",
	"final_sigmas_type",
	"lambda_min_clipped",
	"variance_type",
];
// diffusers' singlestep class has no spacing: always linspace.
const DPM_SINGLESTEP: readonly Key[] = [
	...NOISE_KEYS.filter(
		(key) => key !== "timestep_spacing" && key !== "steps_offset",
	),
	...SOLVER_KEYS,
	"final_sigmas_type",
	"lambda_min_clipped",
	"variance_type",
];
const KARRAS_BETAS = { beta_start: 0.00085, beta_end: 0.012 } as const;

/** What diffusers 0.42's classes read from a configuration, and their defaults. */
const SAMPLER_KEYS: Record<SamplerName, SamplerKeys> = {
	ddim: {
		reads: [
			...NOISE_KEYS,
			...CLIP_KEYS,
			...THRESHOLD_KEYS,
			"set_alpha_to_one",
			"rescale_betas_zero_snr",
		],
		defaults: { timestep_spacing: "leading", clip_sample: true },
	},
	ddpm: {
		reads: [
			...NOISE_KEYS,
			...CLIP_KEYS,
			...THRESHOLD_KEYS,
			"variance_type",
			"rescale_betas_zero_snr",
		],
		defaults: {
			timestep_spacing: "leading",
			clip_sample: true,
			variance_type: "fixed_small",
		},
	},
	"dpm-solver": {
		reads: DPM_MULTISTEP,
		defaults: {},
		pinned: { algorithm_type: "dpmsolver", final_sigmas_type: "sigma_min" },
	},
	"dpm-solver++": {
		reads: DPM_MULTISTEP,
		defaults: {},
		pinned: { algorithm_type: "dpmsolver++", solver_order: 2 },
	},
	"dpm-solver++-3m": {
		reads: DPM_MULTISTEP,
		defaults: {},
		pinned: { algorithm_type: "dpmsolver++", solver_order: 3 },
	},
	"dpm-solver++-sde": {
		reads: DPM_MULTISTEP,
		defaults: {},
		pinned: { algorithm_type: "sde-dpmsolver++" },
	},
	"dpm-solver-singlestep": {
		reads: DPM_SINGLESTEP,
		defaults: { lower_order_final: false },
		pinned: { algorithm_type: "dpmsolver", final_sigmas_type: "sigma_min" },
	},
	"dpm-solver++-singlestep": {
		reads: DPM_SINGLESTEP,
		defaults: { lower_order_final: false },
		pinned: { algorithm_type: "dpmsolver++" },
	},
	euler: {
		reads: [
			...NOISE_KEYS,
			...SPREAD_KEYS,
			"sigma_min",
			"sigma_max",
			"interpolation_type",
			"timestep_type",
			"rescale_betas_zero_snr",
			"final_sigmas_type",
		],
		defaults: {},
	},
	"euler-a": { reads: [...NOISE_KEYS, "rescale_betas_zero_snr"], defaults: {} },
	heun: {
		reads: [...NOISE_KEYS, ...SPREAD_KEYS, ...CLIP_KEYS],
		defaults: KARRAS_BETAS,
	},
	lms: { reads: [...NOISE_KEYS, ...SPREAD_KEYS], defaults: {} },
	pndm: {
		reads: [...NOISE_KEYS, "skip_prk_steps", "set_alpha_to_one"],
		defaults: { timestep_spacing: "leading", set_alpha_to_one: false },
	},
	unipc: {
		reads: [
			...NOISE_KEYS,
			...SOLVER_KEYS,
			"predict_x0",
			"disable_corrector",
			"final_sigmas_type",
			"rescale_betas_zero_snr",
			"sigma_min",
			"sigma_max",
		],
		defaults: { solver_type: "bh2" },
	},
	lcm: {
		reads: [
			...NOISE_KEYS,
			...CLIP_KEYS,
			...THRESHOLD_KEYS,
			"set_alpha_to_one",
			"rescale_betas_zero_snr",
			"original_inference_steps",
			"timestep_scaling",
		],
		defaults: {
			...KARRAS_BETAS,
			beta_schedule: "scaled_linear",
			timestep_spacing: "leading",
		},
	},
	deis: {
		reads: [...NOISE_KEYS, ...SOLVER_KEYS],
		// Not a key of diffusers' DEIS, which never ends on 0.
		defaults: { solver_type: "logrho", final_sigmas_type: "sigma_min" },
	},
	dpm2: { reads: [...NOISE_KEYS, ...SPREAD_KEYS], defaults: KARRAS_BETAS },
};

/** Samplers whose noise levels can be spread in other ways than by timesteps. */
function spreadable(name: SamplerName): boolean {
	return (
		SAMPLER_KEYS[name].reads.includes("use_karras_sigmas") || name === "euler-a"
	);
}

/** Keeps a solver type within the solver's own kinds, as diffusers does when schedulers are switched. */
function solverType(
	name: SamplerName,
	type: SamplerConfig["solver_type"],
): SamplerConfig["solver_type"] {
	if (name === "deis") return "logrho";
	if (name === "unipc") return type === "bh1" ? "bh1" : "bh2";
	return type === "heun" ? "heun" : "midpoint";
}

/** What is asked of a sampler beyond the model's own configuration. */
export interface SamplerConfigOptions {
	/** What the model's scheduler_config.json says. */
	readonly file?: SchedulerConfig;
	/** What the user says: over all else. */
	readonly overrides?: Partial<SamplerConfig>;
	readonly schedule?: SigmaSchedule;
}

/**
 * The configuration of a sampler for a model, by the rules of diffusers' `from_config`: keys that the model's file has
 * stay, whichever scheduler wrote them; absent ones take this sampler's own defaults (so with Stable Diffusion v1.5's
 * file, which has no timestep_spacing, DDIM runs `leading` and DPM-Solver++ `linspace`). A sampler's name pins what it
 * says (algorithm, "2M", "3M"), and `dpm-solver` always ends on sigma_min: its integral in noise has no end at 0.
 * Overrides come last.
 * @throws UserError when the file or an override asks for what this sampler cannot do.
 */
export function samplerConfig(
	name: SamplerName,
	{
		file = {},
		overrides = {},
		schedule = "default",
	}: SamplerConfigOptions = {},
): SamplerConfig {
	const { reads, defaults, pinned } = SAMPLER_KEYS[name];
	const said = Object.fromEntries(
		Object.entries(file).filter(([key]) => reads.includes(key as Key)),
	) as Partial<SamplerConfig>;
	let config: SamplerConfig = {
		...FALLBACK,
		...defaults,
		...said,
		...pinned,
		...Object.fromEntries(
			Object.entries(overrides).filter(([, value]) => value !== undefined),
		),
	};
	if (schedule !== "default" && !spreadable(name))
		throw new UserError(
			`--sampler ${name} takes its noise levels from its timesteps: the ${schedule} schedule works with euler, dpm-solver++ and the like`,
			{ code: "usage" },
		);
	if (schedule !== "default")
		config = {
			...config,
			use_karras_sigmas: schedule === "karras",
			use_exponential_sigmas: schedule === "exponential",
			use_ays_sigmas: schedule === "ays",
		};
	else if (
		file.use_beta_sigmas ||
		file.use_lu_lambdas ||
		file.use_flow_sigmas
	) {
		if (spreadable(name) && name !== "euler-a")
			throw new UserError(
				"scheduler_config.json: beta, Lu and flow sigmas are not supported; choose a schedule (karras, exponential, ays) or --sampler ddim",
			);
	}
	if (config.use_karras_sigmas && config.use_exponential_sigmas)
		throw new UserError(
			"scheduler_config.json: use_karras_sigmas and use_exponential_sigmas exclude each other; choose a schedule",
		);
	if (config.trained_betas) {
		const count = config.trained_betas.length;
		if (count !== config.num_train_timesteps)
			throw new UserError(
				`scheduler_config.json: trained_betas has ${count} values for num_train_timesteps ${config.num_train_timesteps}`,
			);
	}
	const integratesNoise = config.algorithm_type === "dpmsolver";
	if (integratesNoise && config.final_sigmas_type === "zero")
		throw new UserError(
			`--sampler ${name} cannot end on a sigma of zero: leave final_sigmas_type at sigma_min, or choose dpm-solver++`,
			{ code: "usage" },
		);
	if (
		name !== "ddpm" &&
		(config.variance_type === "learned" ||
			config.variance_type === "learned_range")
	)
		throw new UserError(
			`scheduler_config.json: variance_type ${config.variance_type} (a network that predicts its variance) works with --sampler ddpm only`,
		);
	return { ...config, solver_type: solverType(name, config.solver_type) };
}
