import type { Sampler } from "../../samplers/sampler.js";
import {
	aysSigmas,
	exponentialSigmas,
	karrasSigmas,
} from "../../samplers/schedules/sigmaSchedule.js";
import { evenTimes } from "../../samplers/schedules/timeGrid.js";
import { rounded } from "./timedPlan.js";

/** A simple rule for where as many steps as wanted begin: what searched times are compared with, and begin from. */
export interface GridFamily {
	readonly name: string;
	/** Training timesteps, descending. */
	readonly times: (count: number) => readonly number[];
}

/** Spacings that samplers are known with, whatever the model's own is. */
const SPACINGS = ["leading", "linspace", "trailing"] as const;

export type Spacing = (typeof SPACINGS)[number];

export interface FamilyOptions {
	/** The sampler with so many steps, in the model's own spacing unless told otherwise. */
	readonly own: (count: number, spacing?: Spacing) => Sampler;
	/** The timesteps of a grid of log signal-to-noise ratios. */
	readonly timesOfLogSnr: (logSnr: readonly number[]) => readonly number[];
	/** The plain run. */
	readonly plain: Sampler;
}

const POWERS = [1.2, 1.5];

/**
 * The model's own spacing and those that samplers are known with, and grids between the plain run's first and last timestep: even (`even`), by a power of the share of
 * the run (`power:P`; above 1 denser near the image), even in log-SNR (`exponential`), and Karras' of rho 7.
 */
export function gridFamilies({
	own,
	timesOfLogSnr,
	plain,
}: FamilyOptions): GridFamily[] {
	const { timesteps, sigmas } = plain;
	const [first, last] = [timesteps[0], timesteps[timesteps.length - 1]];
	const [high, low] = [sigmas[0], sigmas[sigmas.length - 1]];
	const shares = (count: number) =>
		Array.from({ length: count }, (_, n) =>
			count === 1 ? 0 : n / (count - 1),
		);
	const ofSigmas = (given: readonly number[]) =>
		timesOfLogSnr(given.map((sigma) => -2 * Math.log(sigma)));
	return [
		{ name: "even", times: (count) => evenTimes(first, last, count) },
		{ name: "own", times: (count) => own(count).timesteps },
		...SPACINGS.map((spacing) => ({
			name: spacing,
			times: (count: number) => own(count, spacing).timesteps,
		})),
		...POWERS.map((power) => ({
			name: `power:${power}`,
			times: (count: number) =>
				shares(count).map((share) =>
					rounded(last + (first - last) * (1 - share) ** power),
				),
		})),
		{
			name: "exponential",
			times: (count) => ofSigmas(exponentialSigmas(count, high, low)),
		},
		{
			name: "karras",
			times: (count) => ofSigmas(karrasSigmas(count, high, low)),
		},
		{
			name: "ays",
			times: (count) =>
				ofSigmas(aysSigmas(count).map((sigma) => Math.min(sigma, high))),
		},
	];
}
