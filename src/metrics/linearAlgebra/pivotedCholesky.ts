import { addProduct } from "./productKernel.js";

/** `matrix[order[i], order[j]] = Σ_k factor[i, k] · factor[j, k]` for k < rank, with factor[i, k] = 0 for k > i. */
export interface PivotedCholesky {
	/** Row-major `size` × `size`; columns from `rank` on are without meaning. */
	readonly factor: Float64Array;
	readonly order: Int32Array;
	readonly rank: number;
}

const blockSize = 48;

/**
 * Cholesky factor of a symmetric positive semi-definite matrix (row-major, `size` × `size`; the lower half is read),
 * the largest remaining pivot first, stopped where nothing but rounding is left: so a covariance of few samples gives
 * a factor of few columns. Blocked, after LAPACK's DPSTRF.
 */
export function pivotedCholesky(
	matrix: Float64Array,
	size: number,
): PivotedCholesky {
	const a = Float64Array.from(matrix);
	const order = Int32Array.from({ length: size }, (_, i) => i);
	const squares = new Float64Array(size);
	let largest = 0;
	for (let i = 0; i < size; i++) largest = Math.max(largest, a[i * size + i]);
	const threshold = size * Number.EPSILON * largest;
	for (let start = 0; start < size; start += blockSize) {
		const end = Math.min(size, start + blockSize);
		squares.fill(0);
		for (let j = start; j < end; j++) {
			let pivot = j;
			let best = -1;
			for (let i = j; i < size; i++) {
				if (j > start) squares[i] += a[i * size + j - 1] ** 2;
				const rest = a[i * size + i] - squares[i];
				if (rest > best) {
					best = rest;
					pivot = i;
				}
			}
			if (best <= threshold) return { factor: a, order, rank: j };
			if (pivot !== j) {
				exchange(a, size, j, pivot);
				[squares[j], squares[pivot]] = [squares[pivot], squares[j]];
				[order[j], order[pivot]] = [order[pivot], order[j]];
			}
			const diagonal = Math.sqrt(best);
			a[j * size + j] = diagonal;
			for (let i = j + 1; i < size; i++) {
				let sum = a[i * size + j];
				for (let k = start; k < j; k++)
					sum -= a[i * size + k] * a[j * size + k];
				a[i * size + j] = sum / diagonal;
			}
		}
		if (end < size) {
			const panel = { data: a, offset: end * size + start, stride: size };
			const trailing = { data: a, offset: end * size + end, stride: size };
			const rest = size - end;
			addProduct(trailing, panel, panel, rest, rest, end - start, -1, true);
		}
	}
	return { factor: a, order, rank: size };
}

/** Exchanges rows and columns j < p of a symmetric matrix of which the lower half is kept. */
function exchange(a: Float64Array, size: number, j: number, p: number): void {
	const swap = (x: number, y: number) => {
		const kept = a[x];
		a[x] = a[y];
		a[y] = kept;
	};
	for (let k = 0; k < j; k++) swap(j * size + k, p * size + k);
	for (let k = j + 1; k < p; k++) swap(k * size + j, p * size + k);
	for (let k = p + 1; k < size; k++) swap(k * size + j, k * size + p);
	swap(j * size + j, p * size + p);
}
