import { UserError } from "../errors/userError.js";
import { addProduct } from "./linearAlgebra/productKernel.js";

/** The Gaussian fitted to a set of feature vectors. */
export interface FeatureStatistics {
	/** `[features]`. */
	readonly mean: Float64Array;
	/** `[features, features]`, row-major, divided by count − 1 as `numpy.cov` does. */
	readonly covariance: Float64Array;
	/** How many vectors it was made of; files of other tools do not say. */
	readonly count?: number;
}

/** Mean and scatter of the vectors seen so far; plain data, so that it can be sent and stored. */
export interface StatisticsState {
	readonly count: number;
	readonly mean: Float64Array;
	/** Σ (x − mean)(x − mean)ᵀ, row-major; only the lower half is kept. */
	readonly scatter: Float64Array;
}

/** Takes feature vectors one batch after another and keeps their mean and covariance, never the vectors. */
export interface StatisticsAccumulator {
	/** Adds rows of features, `[rows, features]` row-major. @throws UserError when the length is no whole number of rows. */
	add(features: Float32Array): void;
	/** Adds what another accumulator saw (a shard). */
	merge(other: StatisticsState): void;
	state(): StatisticsState;
	/** @throws UserError with fewer than 2 vectors. */
	statistics(): FeatureStatistics;
}

/** Vectors gathered before the scatter matrix is touched: one pass over it serves them all. */
const batchSize = 64;

/**
 * Streaming mean and covariance of vectors of `width` features, in double precision: batches are centred on their own
 * mean and merged by Chan, Golub and LeVeque's pairwise formula, so that neither order nor a large mean costs digits.
 */
export function accumulateStatistics(width: number): StatisticsAccumulator {
	let count = 0;
	const mean = new Float64Array(width);
	const scatter = new Float64Array(width * width);
	const waiting = new Float64Array(width * batchSize);
	let waitingCount = 0;

	const join = (otherCount: number, otherMean: Float64Array) => {
		const total = count + otherCount;
		const weight = (count * otherCount) / total;
		const difference = otherMean.map((value, i) => value - mean[i]);
		if (count > 0)
			for (let i = 0; i < width; i++) {
				const scaled = weight * difference[i];
				for (let j = 0; j <= i; j++)
					scatter[i * width + j] += scaled * difference[j];
			}
		for (let i = 0; i < width; i++)
			mean[i] += (difference[i] * otherCount) / total;
		count = total;
	};

	const flush = () => {
		if (waitingCount === 0) return;
		const batchMean = new Float64Array(width);
		for (let row = 0; row < waitingCount; row++)
			for (let i = 0; i < width; i++)
				batchMean[i] += waiting[row * width + i] / waitingCount;
		const centred = new Float64Array(width * waitingCount);
		for (let row = 0; row < waitingCount; row++)
			for (let i = 0; i < width; i++)
				centred[i * waitingCount + row] =
					waiting[row * width + i] - batchMean[i];
		const block = { data: centred, offset: 0, stride: waitingCount };
		const target = { data: scatter, offset: 0, stride: width };
		addProduct(target, block, block, width, width, waitingCount, 1, true);
		join(waitingCount, batchMean);
		waitingCount = 0;
	};

	const state = (): StatisticsState => {
		flush();
		return { count, mean: mean.slice(), scatter: scatter.slice() };
	};

	return {
		add(features) {
			if (features.length % width !== 0)
				throw new UserError(
					`${features.length} values are no whole number of vectors of ${width}`,
				);
			for (let row = 0; row < features.length / width; row++) {
				const vector = features.subarray(row * width, (row + 1) * width);
				waiting.set(vector, waitingCount * width);
				waitingCount++;
				if (waitingCount === batchSize) flush();
			}
		},
		merge(other) {
			if (other.mean.length !== width)
				throw new UserError(
					`statistics of ${other.mean.length} features cannot join those of ${width}`,
				);
			if (other.count === 0) return;
			flush();
			for (let i = 0; i < width; i++)
				for (let j = 0; j <= i; j++)
					scatter[i * width + j] += other.scatter[i * width + j];
			join(other.count, other.mean);
		},
		state,
		statistics: () => statisticsOf(state()),
	};
}

/** @throws UserError with fewer than 2 vectors. */
export function statisticsOf({
	count,
	mean,
	scatter,
}: StatisticsState): FeatureStatistics {
	if (count < 2)
		throw new UserError(`a covariance needs at least 2 vectors, not ${count}`);
	const width = mean.length;
	const covariance = new Float64Array(width * width);
	for (let i = 0; i < width; i++)
		for (let j = 0; j <= i; j++) {
			const value = scatter[i * width + j] / (count - 1);
			covariance[i * width + j] = value;
			covariance[j * width + i] = value;
		}
	return { mean, covariance, count };
}
