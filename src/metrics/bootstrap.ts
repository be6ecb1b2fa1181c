import { UserError } from "../errors/userError.js";
import { mersenneTwister } from "../random/mersenneTwister.js";
import { quantile } from "../tensor/quantile.js";

/** An estimate with the interval in which it lies. */
export interface ConfidenceInterval {
	readonly estimate: number;
	readonly low: number;
	readonly high: number;
	/** Such as 0.95. */
	readonly confidence: number;
}

export interface BootstrapOptions {
	/** How often the samples are drawn again. */
	readonly resamples?: number;
	readonly confidence?: number;
	readonly seed?: number;
}

/**
 * Percentile bootstrap (Efron 1979) of any statistic of `count` samples: the samples are drawn again with
 * replacement, seeded, so that the same call gives the same interval. Give paired runs the same seed and count (or
 * their differences as the values) to keep pairs together.
 * @param statistic computes the figure from indices into the samples; they may repeat
 * @throws UserError when there are no samples.
 */
export function bootstrap(
	count: number,
	statistic: (indices: Int32Array) => number,
	options: BootstrapOptions = {},
): ConfidenceInterval {
	const { resamples = 1000, confidence = 0.95, seed = 0 } = options;
	if (count < 1) throw new UserError("a bootstrap needs samples");
	const generator = mersenneTwister(BigInt(seed));
	const indices = Int32Array.from({ length: count }, (_, i) => i);
	const estimate = statistic(indices);
	const values = Float64Array.from({ length: resamples }, () => {
		for (let i = 0; i < count; i++)
			indices[i] = Math.floor((generator.next() / 2 ** 32) * count);
		return statistic(indices);
	}).sort();
	const tail = (1 - confidence) / 2;
	return {
		estimate,
		low: quantile(values, tail),
		high: quantile(values, 1 - tail),
		confidence,
	};
}

/** Interval of the mean of `values`; of the differences of two runs, image by image, for a paired comparison. */
export function bootstrapMean(
	values: ArrayLike<number>,
	options: BootstrapOptions = {},
): ConfidenceInterval {
	const mean = (indices: Int32Array) => {
		let sum = 0;
		for (const index of indices) sum += values[index];
		return sum / indices.length;
	};
	return bootstrap(values.length, mean, options);
}
