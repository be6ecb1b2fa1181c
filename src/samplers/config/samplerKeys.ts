import type { SamplerName } from "../sampler.js";
import type { SamplerConfig } from "./schedulerConfig.js";

export type SchedulerKey = keyof SamplerConfig;

const NOISE_KEYS: readonly SchedulerKey[] = [
	"num_train_timesteps",
	"beta_start",
	"beta_end",
	"beta_schedule",
	"trained_betas",
	"prediction_type",
	"timestep_spacing",
	"steps_offset",
];
const CLIP_KEYS: readonly SchedulerKey[] = ["clip_sample", "clip_sample_range"];
const THRESHOLD_KEYS: readonly SchedulerKey[] = [
	"thresholding",
	"dynamic_thresholding_ratio",
	"sample_max_value",
];
const SPREAD_KEYS: readonly SchedulerKey[] = [
	"use_karras_sigmas",
	"use_exponential_sigmas",
];
const SOLVER_KEYS: readonly SchedulerKey[] = [
	...THRESHOLD_KEYS,
	...SPREAD_KEYS,
	"solver_order",
	"solver_type",
	"lower_order_final",
];

interface SamplerKeys {
	/** The keys that this sampler reads from a file (its diffusers class has them); others in the file mean nothing to it. */
	readonly reads: readonly SchedulerKey[];
	/** Its own defaults. */
	readonly defaults: Partial<SamplerConfig>;
	/** What its name says, whatever the file says. */
	readonly pinned?: Partial<SamplerConfig>;
}

const DPM_MULTISTEP: readonly SchedulerKey[] = [
	...NOISE_KEYS,
	...SOLVER_KEYS,
	"rescale_betas_zero_snr",
	"euler_at_final",
	"final_sigmas_type",
	"lambda_min_clipped",
	"variance_type",
];
// diffusers' singlestep class has no spacing: always linspace.
const DPM_SINGLESTEP: readonly SchedulerKey[] = [
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
export const SAMPLER_KEYS: Record<SamplerName, SamplerKeys> = {
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
	tcd: {
		reads: [
			...NOISE_KEYS,
			"set_alpha_to_one",
			"rescale_betas_zero_snr",
			"original_inference_steps",
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
