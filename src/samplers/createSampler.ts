import { OptionError } from "../errors/optionError.js";
import { shown } from "../errors/shown.js";
import { UserError } from "../errors/userError.js";
import { checkNoise, checkRun } from "./checkSampler.js";
import {
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
	if (typeof options !== "object" || options === null)
		throw new UserError(
			`${shown(options)} is no object of options such as { name: "ddim", steps: 50 }`,
			{ code: "usage" },
		);
	const { name, times, schedule = "default" } = options;
	if (typeof name !== "string" || !Object.hasOwn(SAMPLERS, name))
		throw new OptionError(
			"sampler",
			`there is none of the name ${shown(name)}`,
		);
	const steps = checkedSteps(options);
	const eta = checkedEta(options);
	if (!SIGMA_SCHEDULES.includes(schedule))
		throw new OptionError(
			"schedule",
			`${shown(schedule)} is none of ${SIGMA_SCHEDULES.join(", ")}`,
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
	checkNoise(config, overrides);
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
			times === undefined ? "steps" : "times",
			times === undefined
				? `${shown(asked)} is not a whole number from 1 to 1000`
				: "give 1 to 1000 training timesteps, or { logSnr: [...] }, and steps only as many",
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
	if (typeof eta !== "number" || !(eta >= 0 && eta <= 1))
		throw new OptionError("eta", `${shown(eta)} is not a number from 0 to 1`);
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
