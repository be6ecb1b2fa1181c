import type { Sampler } from "../samplers/sampler.js";

/** The axes that features and predictions are extrapolated over. */
export type ExtrapolationAxis = "timestep" | "log-snr";

/** Where each evaluation lies on an axis. */
export function extrapolationAxis(
	sampler: Sampler,
	over: ExtrapolationAxis,
): readonly number[] {
	return over === "timestep"
		? sampler.timesteps
		: sampler.sigmas.map((sigma) => -2 * Math.log(sigma));
}

/** Values that were computed at a point of the schedule. */
export interface Sample {
	/** Where on the axis of extrapolation: a timestep, or a log signal-to-noise ratio. */
	readonly at: number;
	readonly data: Float32Array;
}

/**
 * Lagrange's polynomial through the last `order` + 1 samples (all of them, when there are fewer), at `at`.
 * Order 0 gives the newest sample itself.
 * @param samples the newest last, at distinct points; at least one
 */
export function extrapolate(
	samples: readonly Sample[],
	at: number,
	order: number,
): Float32Array {
	const used = samples.slice(-(order + 1));
	if (used.length === 1) return used[0].data;
	const weights = used.map(({ at: own }) =>
		used.reduce(
			(weight, { at: other }) =>
				other === own ? weight : (weight * (at - other)) / (own - other),
			1,
		),
	);
	const result = new Float32Array(used[0].data.length);
	for (const [n, { data }] of used.entries()) {
		const weight = weights[n];
		for (let i = 0; i < result.length; i++) result[i] += weight * data[i];
	}
	return result;
}
