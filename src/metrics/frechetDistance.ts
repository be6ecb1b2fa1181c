import { UserError } from "../errors/userError.js";
import type { FeatureStatistics } from "./featureStatistics.js";
import { pivotedCholesky } from "./linearAlgebra/pivotedCholesky.js";
import { addProduct } from "./linearAlgebra/productKernel.js";
import { symmetricEigenvalues } from "./linearAlgebra/symmetricEigenvalues.js";

export interface FrechetDistance {
	/** d² = ‖μ₁ − μ₂‖² + Tr Σ₁ + Tr Σ₂ − 2 Tr √(Σ₁ Σ₂), what is called FID for Inception features. */
	readonly distance: number;
	/** Lines for the user: few samples. */
	readonly warnings: readonly string[];
}

/**
 * Fréchet distance of two Gaussians fitted to features (Heusel et al. 2017, arXiv 1706.08500).
 *
 * Tr √(Σ₁ Σ₂) is taken as Σ √λ of the symmetric matrix Lᵀ Σ₂ L with Σ₁ = L Lᵀ (pivoted Cholesky): the same value as
 * scipy's `sqrtm` and torch-fidelity's `eigvals` give up to their rounding, without complex numbers, and cheap for
 * covariances of low rank. Double precision throughout.
 * @throws UserError when the features are of different width, there are fewer than 2 of them, or one is not finite.
 */
export function frechetDistance(
	first: FeatureStatistics,
	second: FeatureStatistics,
): FrechetDistance {
	const size = first.mean.length;
	if (second.mean.length !== size)
		throw new UserError(
			`features of ${size} and of ${second.mean.length} values cannot be compared: both sides need the same extractor`,
		);
	for (const { count } of [first, second])
		if (count !== undefined && count < 2)
			throw new UserError(
				`a Fréchet distance needs at least 2 images on each side, not ${count}`,
			);
	let means = 0;
	let traces = 0;
	for (let i = 0; i < size; i++) {
		means += (first.mean[i] - second.mean[i]) ** 2;
		traces += first.covariance[i * size + i] + second.covariance[i * size + i];
	}
	if (!Number.isFinite(means + traces))
		throw new UserError(
			"the features hold values that are not finite: check the extractor's weights",
		);
	// The factor of the lower rank makes the smaller eigenproblem.
	const [factored, other] =
		(first.count ?? Number.POSITIVE_INFINITY) <=
		(second.count ?? Number.POSITIVE_INFINITY)
			? [first, second]
			: [second, first];
	const root = traceOfRoot(factored.covariance, other.covariance, size);
	return {
		distance: means + traces - 2 * root,
		warnings: [...new Set([first, second].flatMap((side) => fewSamples(side)))],
	};
}

function fewSamples({ mean, count }: FeatureStatistics): string[] {
	if (count === undefined || count > mean.length) return [];
	return [
		`${count} images for ${mean.length} features: the covariance is singular and the distance biased upwards; compare only runs of equal counts (KID suits small counts)`,
	];
}

/** Tr √(A B) of two symmetric positive semi-definite matrices. */
function traceOfRoot(a: Float64Array, b: Float64Array, size: number): number {
	const { factor, order, rank } = pivotedCholesky(a, size);
	if (rank === 0) return 0;
	const transposed = new Float64Array(rank * size);
	for (let k = 0; k < rank; k++)
		for (let i = k; i < size; i++)
			transposed[k * size + i] = factor[i * size + k];
	const permuted = new Float64Array(size * size);
	for (let i = 0; i < size; i++)
		for (let j = 0; j < size; j++)
			permuted[i * size + j] = b[order[i] * size + order[j]];
	const half = new Float64Array(rank * size);
	const inner = new Float64Array(rank * rank);
	const step = 64;
	// Row k of Lᵀ begins at column k: what lies before is skipped, a strip of rows at a time.
	for (let k = 0; k < rank; k += step) {
		const rows = Math.min(step, rank - k);
		addProduct(
			{ data: half, offset: k * size, stride: size },
			{ data: transposed, offset: k * size + k, stride: size },
			{ data: permuted, offset: k, stride: size },
			rows,
			size,
			size - k,
			1,
		);
	}
	for (let k = 0; k < rank; k += step) {
		const rows = Math.min(step, rank - k);
		addProduct(
			{ data: inner, offset: k * rank, stride: rank },
			{ data: transposed, offset: k * size + k, stride: size },
			{ data: half, offset: k, stride: size },
			rows,
			k + rows,
			size - k,
			1,
		);
	}
	let trace = 0;
	for (const value of symmetricEigenvalues(inner, rank))
		trace += Math.sqrt(Math.max(0, value));
	return trace;
}
