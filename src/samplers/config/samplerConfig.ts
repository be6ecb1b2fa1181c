import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";
import type { SamplerName } from "../sampler.js";
import { SAMPLER_KEYS, type SchedulerKey } from "./samplerKeys.js";
import {
	DEFAULT_SAMPLER_CONFIG,
	type SamplerConfig,
	type SchedulerConfig,
} from "./schedulerConfig.js";

/**
 * How the noise levels of the steps are spread. `default` is what the model's configuration says; `even` is even in
 * timesteps from the first to the last timestep of the sampler's usual number of steps, see createSampler.
 */
export const SIGMA_SCHEDULES = [
	"default",
	"even",
	"karras",
	"exponential",
	"ays",
] as const;
export type SigmaSchedule = (typeof SIGMA_SCHEDULES)[number];

/** Samplers whose noise levels can be spread in other ways than by timesteps. */
export function spreadable(name: SamplerName): boolean {
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

/** Errors about a key (or, without one, about them all): the user's option where the user set it, else the model's file. */
export function refusal(overrides: Partial<SamplerConfig>) {
	return (key: string, what: string): never => {
		const text = key ? `${key}: ${what}` : what;
		if (key ? Object.hasOwn(overrides, key) : Object.keys(overrides).length > 0)
			throw new OptionError("schedulerConfig", text);
		throw new UserError(`scheduler_config.json: ${text}`, { code: "usage" });
	};
}

/**
 * The configuration of a sampler for a model, by the rules of diffusers' `from_config`: keys that the model's file has
 * stay, whichever scheduler wrote them; absent ones take this sampler's own defaults (so with Stable Diffusion v1.5's
 * file, which has no timestep_spacing, DDIM runs `leading` and DPM-Solver++ `linspace`). A sampler's name pins what it
 * says (algorithm, "2M", "3M"), and `dpm-solver` always ends on sigma_min: its integral in noise has no end at 0.
 * Overrides come last.
 * @throws OptionError, or UserError about the file, for what this sampler cannot do.
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
		Object.entries(file).filter(([key]) => reads.includes(key as SchedulerKey)),
	) as Partial<SamplerConfig>;
	const config: SamplerConfig = {
		...DEFAULT_SAMPLER_CONFIG,
		...defaults,
		...said,
		...pinned,
		...Object.fromEntries(
			Object.entries(overrides).filter(([, value]) => value !== undefined),
		),
		...(schedule === "default"
			? {}
			: {
					use_karras_sigmas: schedule === "karras",
					use_exponential_sigmas: schedule === "exponential",
					use_ays_sigmas: schedule === "ays",
				}),
	};
	const refuse = refusal(overrides);
	if (schedule !== "default" && schedule !== "even" && !spreadable(name))
		throw new OptionError(
			"schedule",
			`${name} takes its noise levels from its timesteps: the ${schedule} schedule works with euler, dpm-solver++ and the like`,
		);
	for (const key of [
		"use_beta_sigmas",
		"use_lu_lambdas",
		"use_flow_sigmas",
	] as const)
		if (
			schedule === "default" &&
			file[key] &&
			reads.includes("use_karras_sigmas")
		)
			refuse(
				key,
				"beta, Lu and flow sigmas are not supported; choose a schedule (karras, exponential, ays) or the sampler ddim",
			);
	if (config.use_karras_sigmas && config.use_exponential_sigmas)
		refuse(
			"use_karras_sigmas",
			"excludes use_exponential_sigmas; choose a schedule",
		);
	if (
		config.trained_betas &&
		config.trained_betas.length !== config.num_train_timesteps
	)
		refuse(
			"trained_betas",
			`${config.trained_betas.length} values for num_train_timesteps ${config.num_train_timesteps}`,
		);
	if (pinned?.algorithm_type && config.algorithm_type !== pinned.algorithm_type)
		refuse(
			"algorithm_type",
			`${name} is ${pinned.algorithm_type}; choose the sampler that is called after the algorithm`,
		);
	const endsOnNoise =
		(name.startsWith("dpm-solver") && config.algorithm_type === "dpmsolver") ||
		name === "deis" ||
		(name === "unipc" && !config.predict_x0);
	if (endsOnNoise && config.final_sigmas_type === "zero")
		refuse(
			"final_sigmas_type",
			`${name} integrates the noise here and cannot end on a sigma of zero: set it to sigma_min, or choose dpm-solver++`,
		);
	if (
		config.sigma_min !== null &&
		config.sigma_max !== null &&
		config.sigma_min >= config.sigma_max
	)
		refuse(
			"sigma_min",
			`${config.sigma_min} is not below sigma_max ${config.sigma_max}`,
		);
	if (name !== "ddpm" && config.variance_type?.startsWith("learned"))
		refuse(
			"variance_type",
			`${config.variance_type} (a network that predicts its variance) works with the sampler ddpm only`,
		);
	return { ...config, solver_type: solverType(name, config.solver_type) };
}
