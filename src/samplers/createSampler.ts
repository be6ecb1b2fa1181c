import { UserError } from "../errors/userError.js";
import {
	type SamplerConfig,
	type SigmaSchedule,
	samplerConfig,
} from "./config/samplerConfig.js";
import { parseSchedulerConfig } from "./config/schedulerConfig.js";
import type { Sampler, SamplerName } from "./sampler.js";
import type { SamplerContext } from "./samplerContext.js";
import { ddim } from "./solvers/ddim.js";
import { ddpm } from "./solvers/ddpm.js";
import { deis } from "./solvers/deis.js";
import { dpm2 } from "./solvers/dpm2.js";
import { dpmSolverMultistep } from "./solvers/dpmSolverMultistep.js";
import { dpmSolverSinglestep } from "./solvers/dpmSolverSinglestep.js";
import { euler } from "./solvers/euler.js";
import { eulerAncestral } from "./solvers/eulerAncestral.js";
import { heun } from "./solvers/heun.js";
import { lcm } from "./solvers/lcm.js";
import { lms } from "./solvers/lms.js";
import { pndm } from "./solvers/pndm.js";
import { unipc } from "./solvers/unipc.js";

const SAMPLERS: Record<SamplerName, (context: SamplerContext) => Sampler> = {
	ddim,
	ddpm,
	"dpm-solver": dpmSolverMultistep,
	"dpm-solver++": dpmSolverMultistep,
	"dpm-solver++-3m": dpmSolverMultistep,
	"dpm-solver++-sde": dpmSolverMultistep,
	"dpm-solver-singlestep": dpmSolverSinglestep,
	"dpm-solver++-singlestep": dpmSolverSinglestep,
	euler,
	"euler-a": eulerAncestral,
	heun,
	lms,
	pndm,
	unipc,
	lcm,
	deis,
	dpm2,
};

export interface SamplerOptions {
	/** See parseSamplerName for the names that people write. */
	readonly name: SamplerName;
	/** Sampling steps, 1 to 1000. */
	readonly steps: number;
	/** The model's scheduler_config.json, as parsed JSON; it is checked here. */
	readonly config?: unknown;
	/** Karras, exponential or AYS sigmas instead of what the configuration says. */
	readonly schedule?: SigmaSchedule;
	/** DDIM's eta, 0 to 1 (default 0); other samplers have none. */
	readonly eta?: number;
	/** Keys of the configuration, over what the file says. */
	readonly overrides?: Partial<SamplerConfig>;
}

/**
 * The sampler of this name for a model. Its `timesteps` has one entry for each network evaluation: as many as steps,
 * but 2 · steps - 1 for heun and dpm2, and steps + 1 for pndm (see pndm.ts).
 * @throws UserError when steps, eta or the configuration cannot be sampled with.
 */
export function createSampler(options: SamplerOptions): Sampler {
	const { name, steps, eta = 0, schedule, overrides } = options;
	if (!Number.isInteger(steps) || steps < 1 || steps > 1000)
		throw new UserError(
			`--steps ${steps}: must be a whole number from 1 to 1000`,
			{ code: "usage" },
		);
	if (!(eta >= 0 && eta <= 1))
		throw new UserError(`--eta ${eta}: must be from 0 to 1`, { code: "usage" });
	if (eta > 0 && name !== "ddim")
		throw new UserError(`--eta works with --sampler ddim, not ${name}`, {
			code: "usage",
		});
	const file = parseSchedulerConfig(options.config);
	const config = samplerConfig(name, { file, overrides, schedule });
	if (steps > config.num_train_timesteps)
		throw new UserError(
			`--steps ${steps}: the model was trained on ${config.num_train_timesteps} timesteps, take at most as many`,
			{ code: "usage" },
		);
	const sampler = SAMPLERS[name]({ name, steps, config, eta });
	if (
		sampler.timesteps.length > 1 &&
		sampler.timesteps[0] === sampler.timesteps.at(-1)
	)
		throw new UserError(
			`--steps ${steps}: timestep_spacing ${config.timestep_spacing} has not so many timesteps for ${name}; take fewer, or the spacing trailing`,
			{ code: "usage" },
		);
	if (
		config.prediction_type !== "v_prediction" &&
		sampler.sigmas.some((sigma) => !Number.isFinite(sigma)) &&
		config.prediction_type !== "sample"
	)
		throw new UserError(
			`rescale_betas_zero_snr with --sampler ${name} starts on pure noise, where a network that predicts noise says nothing: it needs prediction_type v_prediction`,
			{ code: "usage" },
		);
	return sampler;
}
