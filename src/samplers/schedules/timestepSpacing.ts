import { roundHalfEven } from "../../tensor/roundHalfEven.js";
import type { SamplerConfig } from "../config/schedulerConfig.js";

/** `count` values from `start` to `end` inclusive, as numpy.linspace has them. */
export function linspace(start: number, end: number, count: number): number[] {
	const step = (end - start) / (count - 1);
	return Array.from({ length: count }, (_, i) =>
		i === 0 ? start : i === count - 1 ? end : i * step + start,
	);
}

/** Rounded multiples of num_train_timesteps / steps below `from`, minus 1: the "trailing" spacing. */
function trailing(from: number, steps: number, trainSteps: number): number[] {
	const ratio = trainSteps / steps;
	// numpy.arange steps by the rounded difference of its first two values.
	const step = from - (from - ratio);
	const count = Math.max(1, Math.ceil(from / ratio));
	return Array.from(
		{ length: Math.min(count, steps) },
		(_, i) => roundHalfEven(from - i * step) - 1,
	);
}

/** `count` multiples of `ratio` from steps_offset on, descending; the offset is less where the first would leave the training schedule. */
function leading(
	count: number,
	ratio: number,
	config: SamplerConfig,
): number[] {
	const room = config.num_train_timesteps - 1 - (count - 1) * ratio;
	const offset = Math.min(config.steps_offset, room);
	return Array.from({ length: count }, (_, i) => i * ratio + offset).reverse();
}

/**
 * Descending timesteps for samplers that step from one trained timestep to the next (DDIM, DDPM, PNDM, Euler, …), by
 * table 2 of "Common Diffusion Noise Schedules and Sample Steps are Flawed" (Lin et al. 2023): `linspace` includes both
 * ends, `leading` starts at steps_offset, `trailing` ends at the last. `rounded: false` keeps linspace's fractions.
 */
export function spacedTimesteps(
	steps: number,
	config: SamplerConfig,
	{ rounded = true } = {},
): number[] {
	const trainSteps = config.num_train_timesteps;
	switch (config.timestep_spacing) {
		case "linspace":
			return linspace(0, trainSteps - 1, steps)
				.map((t) => (rounded ? roundHalfEven(t) : Math.fround(t)))
				.reverse();
		case "leading":
			return leading(steps, Math.floor(trainSteps / steps), config);
		case "trailing":
			return trailing(trainSteps, steps, trainSteps);
	}
}

/**
 * Descending timesteps for the exponential-integrator solvers (DPM-Solver, UniPC, DEIS), whose last step goes on to a
 * noise level of its own: `steps` + 1 spaced timesteps without the last. `last` (num_train_timesteps unless the noisiest
 * are left out, see lambda_min_clipped) is one above the first.
 */
export function solverTimesteps(
	steps: number,
	config: SamplerConfig,
	last: number = config.num_train_timesteps,
): number[] {
	const trainSteps = config.num_train_timesteps;
	switch (config.timestep_spacing) {
		case "linspace":
			return linspace(0, last - 1, steps + 1)
				.map(roundHalfEven)
				.reverse()
				.slice(0, -1);
		case "leading":
			return leading(steps + 1, Math.floor(last / (steps + 1)), config).slice(
				0,
				-1,
			);
		case "trailing":
			return trailing(last, steps, trainSteps);
	}
}
