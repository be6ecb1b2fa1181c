import { OptionError } from "../../errors/optionError.js";
import { roundHalfEven } from "../../tensor/roundHalfEven.js";
import type { SamplerConfig } from "../config/schedulerConfig.js";
import type { Schedule } from "../sampler.js";
import { alphasCumprod } from "./noiseSchedule.js";
import {
	sigmaOfTimestep,
	timestepOfSigma,
	trainedSigmas,
	ZERO_SNR_ALPHA,
} from "./sigmaSchedule.js";
import { linspace } from "./timestepSpacing.js";

/**
 * Where the steps of a run begin, from noise to image: training timesteps (fractions allowed), descending, or logarithms of
 * signal-to-noise ratios (ln ᾱ / (1 - ᾱ) = -2 ln sigma), ascending. The last step ends where the sampler's own last step
 * does.
 */
export type Times = readonly number[] | { readonly logSnr: readonly number[] };

/** The values of a grid, whichever they are. */
export function timesValues(times: Times): readonly number[] {
	return "logSnr" in times ? times.logSnr : times;
}

/**
 * Timesteps and noise levels of a grid in a model's noise schedule. Between trained timesteps sigma is interpolated linearly,
 * as diffusers does with custom timesteps; for a sigma that lies between two trained ones the timestep is interpolated by
 * log sigma, as diffusers does with custom sigmas.
 * @throws OptionError ("times") when it is no such grid
 */
export function timeGrid(times: Times, config: SamplerConfig): Schedule {
	const refuse = (what: string): never => {
		throw new OptionError("times", what);
	};
	const given: unknown =
		typeof times === "object" && times !== null && "logSnr" in times
			? times.logSnr
			: times;
	const unit = given === times ? "timestep" : "log-SNR";
	if (!Array.isArray(given) || given.length < 1 || given.length > 1000)
		return refuse(
			"give 1 to 1000 training timesteps, descending, or { logSnr: [...] }, ascending",
		);
	const bad = given.findIndex(
		(value) => typeof value !== "number" || !Number.isFinite(value),
	);
	if (bad >= 0) refuse(`value ${bad + 1} is no finite number`);
	const values = given as number[];
	const trained = trainedSigmas(alphasCumprod(config, ZERO_SNR_ALPHA));
	const last = trained.length - 1;
	const range =
		unit === "timestep"
			? ([0, last] as const)
			: ([-2 * Math.log(trained[last]), -2 * Math.log(trained[0])] as const);
	// logarithms of the ends may differ in their last digit
	const slack = unit === "timestep" ? 0 : 1e-6;
	const outside = values.findIndex(
		(value) => value < range[0] - slack || value > range[1] + slack,
	);
	if (outside >= 0)
		refuse(
			`${values[outside]} is no ${unit} of this model, whose are ${range.map((end) => Number(end.toFixed(4))).join(" to ")}`,
		);
	const sigmas = values.map((value) =>
		Math.fround(
			unit === "timestep"
				? sigmaOfTimestep(value, trained)
				: Math.min(Math.max(Math.exp(-value / 2), trained[0]), trained[last]),
		),
	);
	for (let i = 1; i < sigmas.length; i++)
		if (!(sigmas[i] < sigmas[i - 1]))
			refuse(
				`${values[i]} after ${values[i - 1]}: each step must begin at less noise than the one before (${unit === "timestep" ? "descending timesteps" : "ascending log-SNR"})`,
			);
	const timesteps =
		unit === "timestep"
			? values
			: sigmas.map((sigma) => snapped(timestepOfSigma(sigma, trained)));
	return { timesteps, sigmas };
}

/** A timestep that is a trained one but for rounding, as that one. */
function snapped(t: number): number {
	const whole = Math.round(t);
	return Math.abs(t - whole) < 1e-4 ? whole : t;
}

/** `count` timesteps evenly from `first` down to `last`, whole ones where there are so many. */
export function evenTimes(
	first: number,
	last: number,
	count: number,
): readonly number[] {
	if (count === 1) return [first];
	const even = linspace(first, last, count);
	const whole = even.map(roundHalfEven);
	return whole.every((t, i) => i === 0 || t < whole[i - 1]) ? whole : even;
}
