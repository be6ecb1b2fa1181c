import {
	accumulateStatistics,
	type FeatureStatistics,
	type StatisticsState,
} from "./featureStatistics.js";
import type { Features } from "./features.js";
import { pivotedCholesky } from "./linearAlgebra/pivotedCholesky.js";
import { addProduct } from "./linearAlgebra/productKernel.js";
import { symmetricEigenvalues } from "./linearAlgebra/symmetricEigenvalues.js";

/** Real images' features, factored once for all that is held against them: Σr = L Lᵀ. */
export interface FactoredReals {
	readonly mean: Float64Array;
	/** Tr Σr. */
	readonly trace: number;
	/** Lᵀ, `[rank, features]`; its columns stand for features `order[0]`, `order[1]`, …. */
	readonly transposed: Float64Array;
	readonly order: Int32Array;
	readonly rank: number;
}

/** Factors a covariance by pivoted Cholesky. */
export function factorReals({
	mean,
	covariance,
}: FeatureStatistics): FactoredReals {
	const width = mean.length;
	const { factor, order, rank } = pivotedCholesky(covariance, width);
	const transposed = new Float64Array(rank * width);
	for (let k = 0; k < rank; k++)
		for (let i = k; i < width; i++)
			transposed[k * width + i] = factor[i * width + k];
	let trace = 0;
	for (let i = 0; i < width; i++) trace += covariance[i * width + i];
	return { mean, trace, transposed, order, rank };
}

/** Rows that are projected at a time. */
const BATCH = 64;
/** Rows of Lᵀ at a time: what lies before a row's first value is skipped by strips. */
const STRIP = 64;

/**
 * Fréchet distances of generated features without each of `groups` groups in turn (row n is in group n mod groups) to the same
 * reals. Tr √(Σ Σr) is the sum of the square roots of the eigenvalues of Lᵀ Σ L: rows are projected on L, and a group is left out
 * by taking its scatter off that of all; groups are gone through twice, so that only a few matrices are in memory. Each
 * replicate costs an eigenvalue problem of the reals' rank.
 */
export function jackknifeDistances(
	{ count, width, data }: Features,
	groups: number,
	reals: FactoredReals,
	onGroup?: (done: number) => void,
): Float64Array {
	const { rank } = reals;
	const groupState = (group: number) => {
		const state = groupAccumulator(reals);
		for (let row = group; row < count; row += groups)
			state.add(data.subarray(row * width, (row + 1) * width));
		return state.finish();
	};
	const sum = new Float64Array(width);
	let squares = 0;
	const whole = accumulateStatistics(rank);
	for (let group = 0; group < groups; group++) {
		const part = groupState(group);
		whole.merge(part.projected);
		for (let i = 0; i < width; i++) sum[i] += part.sum[i];
		squares += part.squares;
	}
	const projected = whole.state();
	const distances = new Float64Array(groups);
	for (let group = 0; group < groups; group++) {
		const part = groupState(group);
		const left = count - part.rows;
		let means = 0;
		for (let i = 0; i < width; i++)
			means += ((sum[i] - part.sum[i]) / left) ** 2;
		const trace = (squares - part.squares - left * means) / (left - 1);
		const gram = scatterWithout(projected, part.projected);
		let root = 0;
		for (const value of symmetricEigenvalues(gram, rank))
			root += Math.sqrt(Math.max(0, value / (left - 1)));
		distances[group] = means + trace + reals.trace - 2 * root;
		onGroup?.(group + 1);
	}
	return distances;
}

/** What the distance needs of some rows: sums of the features less the reals' mean, and the scatter of their projections. */
interface GroupState {
	readonly sum: Float64Array;
	readonly squares: number;
	readonly rows: number;
	readonly projected: StatisticsState;
}

function groupAccumulator({ mean, transposed, order, rank }: FactoredReals): {
	add(row: Float32Array): void;
	finish(): GroupState;
} {
	const width = mean.length;
	const sum = new Float64Array(width);
	let squares = 0;
	let seen = 0;
	const batch = new Float64Array(BATCH * width);
	let waiting = 0;
	const accumulator = accumulateStatistics(rank);
	const flush = () => {
		const rows = new Float64Array(waiting * rank);
		for (let k = 0; k < rank; k += STRIP)
			addProduct(
				{ data: rows, offset: k, stride: rank },
				{ data: batch, offset: k, stride: width },
				{ data: transposed, offset: k * width + k, stride: width },
				waiting,
				Math.min(STRIP, rank - k),
				width - k,
				1,
			);
		// reals that are all equal have no direction to project on
		if (rank > 0) accumulator.add(Float32Array.from(rows));
		waiting = 0;
	};
	return {
		add(row) {
			for (let i = 0; i < width; i++) {
				const value = row[i] - mean[i];
				sum[i] += value;
				squares += value * value;
			}
			for (let i = 0; i < width; i++)
				batch[waiting * width + i] = row[order[i]] - mean[order[i]];
			waiting++;
			seen++;
			if (waiting === BATCH) flush();
		},
		finish() {
			flush();
			return { sum, squares, rows: seen, projected: accumulator.state() };
		},
	};
}

/** The scatter (its lower half) of all rows but a part of them. */
function scatterWithout(
	whole: StatisticsState,
	part: StatisticsState,
): Float64Array {
	const width = whole.mean.length;
	const left = whole.count - part.count;
	const weight = (part.count * left) / whole.count;
	const difference = whole.mean.map(
		(mean, i) =>
			part.mean[i] - (whole.count * mean - part.count * part.mean[i]) / left,
	);
	const rest = new Float64Array(width * width);
	for (let i = 0; i < width; i++)
		for (let j = 0; j <= i; j++)
			rest[i * width + j] =
				whole.scatter[i * width + j] -
				part.scatter[i * width + j] -
				weight * difference[i] * difference[j];
	return rest;
}
