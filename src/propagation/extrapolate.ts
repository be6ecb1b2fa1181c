import type { Sampler } from "../samplers/sampler.js";
import { ZERO_SNR_ALPHA } from "../samplers/schedules/sigmaSchedule.js";

/** A log-SNR is finite also where the terminal one is zero: there it is what samplers take in its place. */
const GREATEST_SIGMA = Math.sqrt(1 / ZERO_SNR_ALPHA);

/** The axes that features and predictions are extrapolated over. */
export type ExtrapolationAxis = "timestep" | "log-snr";

/** Where each evaluation lies on an axis. */
export function extrapolationAxis(
	sampler: Sampler,
	over: ExtrapolationAxis,
): readonly number[] {
	return over === "timestep"
		? sampler.timesteps
		: sampler.sigmas.map(
				(sigma) => -2 * Math.log(Math.min(sigma, GREATEST_SIGMA)),
			);
}

/** Values that were computed at a point of the schedule. */
export interface Sample {
	/** Where on the axis of extrapolation: a timestep, or a log signal-to-noise ratio. */
	readonly at: number;
	readonly data: Float32Array;
}

/**
 * Adds a sample to those that are kept, the newest last and `most` of them. Samplers with two evaluations a step (Heun,
 * DPM2, PNDM) come to a point twice: the newer sample takes the older one's place, so that points are distinct.
 */
export function keepNewest<T extends { readonly at: number }>(
	list: T[],
	sample: T,
	most: number,
): void {
	if (list.at(-1)?.at === sample.at) list.pop();
	list.push(sample);
	if (list.length > most) list.shift();
}

/**
 * Weights of samples at `points` in the value at `at` of the polynomial through them; they add up to 1. Of samples at the
 * same point the last one counts, the others have no weight.
 * @param points the newest last; at least one
 */
export function lagrangeWeights(
	points: readonly number[],
	at: number,
): number[] {
	const others = new Set(points);
	return points.map((own, i) => {
		if (points.lastIndexOf(own) !== i) return 0;
		let weight = 1;
		for (const other of others)
			if (other !== own) weight *= (at - other) / (own - other);
		return weight;
	});
}

/**
 * Lagrange's polynomial through the last `order` + 1 samples (all of them, when there are fewer), at `at`.
 * Order 0 gives the newest sample itself.
 * @param samples the newest last, at distinct points (see keepNewest); at least one
 */
export function extrapolate(
	samples: readonly Sample[],
	at: number,
	order: number,
): Float32Array {
	const used = samples.slice(-(order + 1));
	if (used.length === 1) return used[0].data;
	const weights = lagrangeWeights(
		used.map((sample) => sample.at),
		at,
	);
	const result = new Float32Array(used[0].data.length);
	for (const [n, { data }] of used.entries()) {
		const weight = weights[n];
		for (let i = 0; i < result.length; i++) result[i] += weight * data[i];
	}
	return result;
}
