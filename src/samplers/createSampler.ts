import { OptionError } from "../errors/optionError.js";
import {
	refusal,
	SIGMA_SCHEDULES,
	type SigmaSchedule,
	samplerConfig,
} from "./config/samplerConfig.js";
import {
	parseOverrides,
	parseSchedulerConfig,
	type SamplerConfig,
} from "./config/schedulerConfig.js";
import type { Sampler, SamplerContext, SamplerName } from "./sampler.js";
import { usualEta, usualSteps } from "./samplerSteps.js";
import { alphasCumprod } from "./schedules/noiseSchedule.js";
import { trainedSigmas } from "./schedules/sigmaSchedule.js";
import {
	evenTimes,
	type Times,
	timeGrid,
	timesValues,
} from "./schedules/timeGrid.js";
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
import { tcd } from "./solvers/tcd.js";
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
	tcd,
};

export interface SamplerOptions {
	/** See samplerByName for the names that people write. */
	readonly name: SamplerName;
	/** Sampling steps, 1 to 1000; as many as `times` where those are given. */
	readonly steps?: number;
	/** Where the steps begin, instead of the sampler's own timesteps. */
	readonly times?: Times;
	/** The model's scheduler_config.json, as parsed JSON; it is checked here. */
	readonly config?: unknown;
	/**
	 * How noise levels are spread instead of what the configuration says: Karras, exponential or AYS sigmas, or evenly from
	 * the first to the last timestep of a run of the sampler's usual number of steps (`even`; of this run's where it has
	 * more).
	 */
	readonly schedule?: SigmaSchedule;
	/** The share of fresh noise, 0 to 1: DDIM's eta (default 0), TCD's gamma (default 0.3); other samplers have none. */
	readonly eta?: number;
	/** Keys of the configuration, over what the file says. */
	readonly overrides?: Partial<SamplerConfig>;
}

/**
 * The sampler of this name for a model. Its `timesteps` has one entry for each network evaluation, see evaluationCount.
 * @throws OptionError about the option that cannot be sampled with, UserError about the model's configuration.
 */
export function createSampler(options: SamplerOptions): Sampler {
	const { name, times, schedule = "default" } = options;
	if (!Object.hasOwn(SAMPLERS, name))
		throw new OptionError(
			"sampler",
			`there is none of the name ${String(name).slice(0, 60)}`,
		);
	const steps = checkedSteps(options);
	const eta = checkedEta(options);
	if (!SIGMA_SCHEDULES.includes(schedule))
		throw new OptionError(
			"schedule",
			`"${String(schedule).slice(0, 60)}" is none of ${SIGMA_SCHEDULES.join(", ")}`,
		);
	if (times !== undefined && schedule !== "default")
		throw new OptionError(
			"times",
			`times are given already by the schedule ${schedule}; leave one of the two out`,
		);
	const overrides = parseOverrides(options.overrides ?? {});
	const config = samplerConfig(name, {
		file: parseSchedulerConfig(options.config),
		overrides,
		schedule: times === undefined ? schedule : "even",
	});
	if (steps > config.num_train_timesteps)
		throw new OptionError(
			"steps",
			`${steps}: the model was trained on ${config.num_train_timesteps} timesteps, take at most as many`,
		);
	checkNoise(name, config, overrides);
	const own = { name, config, eta };
	const given =
		schedule === "even"
			? evenTimes(
					...endsOf({ ...own, steps: evenBase(name, steps, config) }),
					steps,
				)
			: times;
	const grid = given === undefined ? undefined : timeGrid(given, config);
	const sampler = SAMPLERS[name]({ ...own, steps, grid });
	checkRun(sampler, steps, config, overrides);
	return sampler;
}

function checkedSteps({ steps, times }: SamplerOptions): number {
	const count =
		typeof times === "object" && times !== null
			? timesValues(times)?.length
			: undefined;
	const asked = steps ?? count;
	if (
		asked === undefined ||
		!Number.isInteger(asked) ||
		asked < 1 ||
		asked > 1000
	)
		throw new OptionError(
			steps === undefined ? "times" : "steps",
			`${asked} is not a whole number from 1 to 1000`,
		);
	if (count !== undefined && count !== asked)
		throw new OptionError(
			"times",
			`${count} values for ${asked} steps; give one for each step`,
		);
	return asked;
}

function checkedEta({ name, eta }: SamplerOptions): number {
	if (eta === undefined) return usualEta(name);
	if (!(eta >= 0 && eta <= 1))
		throw new OptionError("eta", `${eta} is not a number from 0 to 1`);
	if (eta > 0 && name !== "ddim" && name !== "tcd")
		throw new OptionError(
			"eta",
			`works with the samplers ddim and tcd, not with ${name}`,
		);
	return eta;
}

/** The number of steps whose own first and last timestep an even grid goes between. */
function evenBase(
	name: SamplerName,
	steps: number,
	config: SamplerConfig,
): number {
	return Math.min(
		Math.max(steps, usualSteps(name)),
		config.num_train_timesteps,
	);
}

function endsOf(context: SamplerContext): [first: number, last: number] {
	const { timesteps } = SAMPLERS[context.name](context);
	return [timesteps[0], timesteps[timesteps.length - 1]];
}

/** Refuses noise schedules that leave a timestep without noise or (but for the last) without signal. */
function checkNoise(
	name: SamplerName,
	config: SamplerConfig,
	overrides: Partial<SamplerConfig>,
): void {
	const refuse = refusal(overrides);
	const key = config.trained_betas
		? "trained_betas"
		: overrides.beta_start === undefined
			? "beta_end"
			: "beta_start";
	const alphas = alphasCumprod(config);
	for (let t = 0; t < alphas.length; t++) {
		const before = t === 0 ? 1 : alphas[t - 1];
		if (!(alphas[t] < before))
			refuse(
				key,
				`the noise does not grow at timestep ${t}: these betas are too small to sample with`,
			);
		if (!(alphas[t] > 0) && t < alphas.length - 1)
			refuse(
				key,
				`no signal is left at timestep ${t}: these betas are too large to sample with`,
			);
	}
	if (name === "pndm" && alphas[alphas.length - 1] === 0)
		refuse(
			config.trained_betas ? key : "rescale_betas_zero_snr",
			"pndm cannot start where no signal is left; choose ddim",
		);
}

/** Refuses what can only be seen in the run itself, by running it on one number. */
function checkRun(
	sampler: Sampler,
	steps: number,
	config: SamplerConfig,
	overrides: Partial<SamplerConfig>,
): void {
	const { name, timesteps, sigmas } = sampler;
	if (timesteps.length > 1 && timesteps[0] === timesteps[timesteps.length - 1])
		throw new OptionError(
			"steps",
			`${steps}: timestep_spacing ${config.timestep_spacing} has not so many timesteps for ${name}; take fewer, or the spacing trailing`,
		);
	const refuse = refusal(overrides);
	if (
		config.prediction_type === "epsilon" &&
		startsOnPureNoise(sigmas[0], config)
	)
		refuse(
			config.rescale_betas_zero_snr
				? "rescale_betas_zero_snr"
				: "trained_betas",
			`${name} starts on pure noise here, where a network that predicts noise says nothing: it needs prediction_type v_prediction, or timesteps that begin later (timestep_spacing leading)`,
		);
	if (!staysFinite(sampler, config))
		refuse(
			Object.keys(overrides)[0] ?? "beta_schedule",
			`with these settings ${name} computes no finite latents; choose another sampler or leave them out`,
		);
}

/** Whether the first step begins above the last noise level that has signal. */
function startsOnPureNoise(sigma: number, config: SamplerConfig): boolean {
	const alphas = alphasCumprod(config);
	if (alphas[alphas.length - 1] > 0) return false;
	return sigma > trainedSigmas(alphas)[alphas.length - 2] * (1 + 1e-6);
}

function staysFinite(sampler: Sampler, config: SamplerConfig): boolean {
	const one = Float32Array.of(1);
	const learned = config.variance_type?.startsWith("learned");
	const prediction = learned ? Float32Array.of(0.5, 0.5) : Float32Array.of(0.5);
	let latents: Float32Array = Float32Array.of(sampler.initNoiseSigma);
	let state = sampler.start();
	for (let index = 0; index < sampler.timesteps.length; index++) {
		const [input] = sampler.scaleModelInput(latents, index);
		({ state, latents } = sampler.step(state, {
			index,
			prediction,
			latents,
			noise: () => one,
		}));
		if (
			!Number.isFinite(sampler.timesteps[index]) ||
			!Number.isFinite(input) ||
			!Number.isFinite(latents[0])
		)
			return false;
	}
	return true;
}
