import type { Sampler } from "../../samplers/sampler.js";
import { evenTimes } from "../../samplers/schedules/timeGrid.js";
import { rounded } from "./timedPlan.js";

/** A simple rule for where as many steps as wanted begin: what searched times are compared with, and begin from. */
export interface GridFamily {
	readonly name: string;
	/** Training timesteps, descending. */
	readonly times: (count: number) => readonly number[];
}

export interface FamilyOptions {
	/** The sampler's own spacing, with so many steps. */
	readonly own: (count: number) => Sampler;
	/** The timesteps of a grid of log signal-to-noise ratios. */
	readonly timesOfLogSnr: (logSnr: readonly number[]) => readonly number[];
	/** The plain run. */
	readonly plain: Sampler;
}

const RHO = 7;
const POWERS = [1.2, 1.5];

/**
 * The sampler's own spacing, and grids between the plain run's first and last timestep: even (`even`), by a power of the share of
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
	const ofSigmas = (count: number, sigma: (share: number) => number) =>
		timesOfLogSnr(shares(count).map((share) => -2 * Math.log(sigma(share))));
	return [
		{ name: "even", times: (count) => evenTimes(first, last, count) },
		{ name: "own", times: (count) => own(count).timesteps },
		...POWERS.map((power) => ({
			name: `power:${power}`,
			times: (count: number) =>
				shares(count).map((share) =>
					rounded(last + (first - last) * (1 - share) ** power),
				),
		})),
		{
			name: "exponential",
			times: (count) =>
				ofSigmas(count, (share) => high * (low / high) ** share),
		},
		{
			name: "karras",
			times: (count) =>
				ofSigmas(
					count,
					(share) =>
						(high ** (1 / RHO) +
							share * (low ** (1 / RHO) - high ** (1 / RHO))) **
						RHO,
				),
		},
	];
}
