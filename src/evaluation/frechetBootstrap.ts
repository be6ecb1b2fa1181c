import {
	accumulateStatistics,
	type FeatureStatistics,
} from "../metrics/featureStatistics.js";
import type { Features } from "../metrics/features.js";
import { pivotedCholesky } from "../metrics/linearAlgebra/pivotedCholesky.js";
import { symmetricEigenvalues } from "../metrics/linearAlgebra/symmetricEigenvalues.js";
import { mersenneTwister } from "../random/mersenneTwister.js";
import type { Figure } from "./results.js";

/** Values above which resampling would take hours: the distance is given without an interval then. */
export const MOST_VALUES = 400_000;
export const RESAMPLES = 100;

/**
 * Fréchet distances of resamples of generated features (with replacement, the same indices for every call with as many rows) to
 * the same real ones. Tr √(Σ Σr) is the sum of the singular values of X L / √(n − 1), X the centred rows and Σr = L Lᵀ, so that
 * L is used once for all.
 */
export function resampledDistances(
	features: Features,
	reals: FeatureStatistics,
	seed = 0,
	resamples = RESAMPLES,
): Float64Array {
	const { count, width, data } = features;
	const { factor, order, rank } = pivotedCholesky(reals.covariance, width);
	// rows times L: [count, rank]
	const projected = new Float64Array(count * rank);
	for (let n = 0; n < count; n++)
		for (let i = 0; i < width; i++) {
			const value = data[n * width + order[i]];
			const columns = Math.min(i + 1, rank);
			for (let k = 0; k < columns; k++)
				projected[n * rank + k] += value * factor[i * width + k];
		}
	let realTrace = 0;
	for (let i = 0; i < width; i++) realTrace += reals.covariance[i * width + i];
	const generator = mersenneTwister(BigInt(seed));
	return Float64Array.from({ length: resamples }, () => {
		const chosen = Int32Array.from({ length: count }, () =>
			Math.floor((generator.next() / 2 ** 32) * count),
		);
		const mean = new Float64Array(width);
		let squares = 0;
		for (const n of chosen)
			for (let i = 0; i < width; i++) {
				const value = data[n * width + i];
				mean[i] += value / count;
				squares += value * value;
			}
		let means = 0;
		let ownSquares = 0;
		for (let i = 0; i < width; i++) {
			means += (mean[i] - reals.mean[i]) ** 2;
			ownSquares += mean[i] ** 2;
		}
		const trace = (squares - count * ownSquares) / (count - 1);
		return means + trace + realTrace - 2 * singularSum(projected, chosen, rank);
	});
}

/** The sum of the singular values of the chosen rows, centred, over √(n − 1). */
function singularSum(
	rows: Float64Array,
	chosen: Int32Array,
	width: number,
): number {
	const mean = new Float64Array(width);
	for (const n of chosen)
		for (let k = 0; k < width; k++)
			mean[k] += rows[n * width + k] / chosen.length;
	const gram = new Float64Array(width * width);
	const row = new Float64Array(width);
	for (const n of chosen) {
		for (let k = 0; k < width; k++) row[k] = rows[n * width + k] - mean[k];
		for (let i = 0; i < width; i++) {
			const value = row[i];
			for (let j = 0; j <= i; j++) gram[i * width + j] += value * row[j];
		}
	}
	let sum = 0;
	for (const value of symmetricEigenvalues(gram, width))
		sum += Math.sqrt(Math.max(0, value / (chosen.length - 1)));
	return sum;
}

/**
 * An interval from resampled values around `value`. Resamples hold repeats and so lie farther from the reals than the sample
 * itself; the interval has their spread, moved so that their median falls on the value.
 */
export function centredInterval(
	value: number,
	resampled: Float64Array,
	confidence = 0.95,
): Figure {
	const sorted = resampled.slice().sort();
	const at = (share: number) => {
		const position = share * (sorted.length - 1);
		const low = Math.floor(position);
		const high = Math.min(low + 1, sorted.length - 1);
		return sorted[low] + (position - low) * (sorted[high] - sorted[low]);
	};
	const tail = (1 - confidence) / 2;
	const shift = value - at(0.5);
	return { value, low: at(tail) + shift, high: at(1 - tail) + shift };
}

/** Mean and covariance of all rows. */
export function statisticsOfRows({ width, data }: Features): FeatureStatistics {
	const accumulator = accumulateStatistics(width);
	accumulator.add(data);
	return accumulator.statistics();
}
