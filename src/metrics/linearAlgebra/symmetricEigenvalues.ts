import { addProduct } from "./productKernel.js";

/**
 * Eigenvalues of a symmetric matrix (row-major, `size` × `size`; the lower half is read), in no order: blocked
 * Householder reduction to tridiagonal form (after LAPACK's DLATRD), then implicit QL steps (after EISPACK's TQL1).
 * @throws Error when the QL steps do not converge, which only values that are not finite bring about.
 */
export function symmetricEigenvalues(
	matrix: Float64Array,
	size: number,
): Float64Array {
	const { diagonal, beside } = tridiagonalize(matrix, size);
	return tridiagonalEigenvalues(diagonal, beside);
}

const blockSize = 32;

interface Tridiagonal {
	readonly diagonal: Float64Array;
	/** `beside[i]` couples i and i + 1; the last one is 0. */
	readonly beside: Float64Array;
}

/**
 * Rows are brought to tridiagonal form from the last one up. Within a block of rows the reflections
 * A ← A − v wᵀ − w vᵀ are only kept (rows of `left` hold [v | w], rows of `right` [w | v]) and then applied together,
 * as one matrix product.
 */
function tridiagonalize(matrix: Float64Array, size: number): Tridiagonal {
	const a = Float64Array.from(matrix);
	const diagonal = new Float64Array(size);
	const beside = new Float64Array(size);
	const left = new Float64Array(size * 2 * blockSize);
	const right = new Float64Array(size * 2 * blockSize);
	const stride = 2 * blockSize;
	const row = new Float64Array(size);
	const product = new Float64Array(size);
	let pending = 0;
	for (let i = size - 1; i >= 0; i--) {
		for (let k = 0; k <= i; k++) {
			let value = a[i * size + k];
			for (let p = 0; p < pending; p++)
				value -=
					left[i * stride + p] * right[k * stride + p] +
					left[i * stride + blockSize + p] * right[k * stride + blockSize + p];
			row[k] = value;
		}
		diagonal[i] = row[i];
		if (i === 0) break;
		const norm = length(row, i);
		if (norm === 0) {
			// Nothing to eliminate: an empty reflection keeps the block's columns in step.
			for (let k = 0; k < i; k++) store(left, right, k, pending, 0, 0);
		} else {
			const corner = row[i - 1] > 0 ? -norm : norm;
			beside[i - 1] = corner;
			row[i - 1] -= corner;
			const half = -corner * row[i - 1];
			multiplySymmetric(a, size, row, product, i);
			subtractPending(left, right, stride, pending, row, product, i);
			let overlap = 0;
			for (let k = 0; k < i; k++) {
				product[k] /= half;
				overlap += product[k] * row[k];
			}
			const share = overlap / (2 * half);
			for (let k = 0; k < i; k++)
				store(left, right, k, pending, row[k], product[k] - share * row[k]);
		}
		pending++;
		if (pending === blockSize) {
			const whole = { offset: 0, stride };
			addProduct(
				{ data: a, offset: 0, stride: size },
				{ data: left, ...whole },
				{ data: right, ...whole },
				i,
				i,
				stride,
				-1,
				true,
			);
			pending = 0;
		}
	}
	return { diagonal, beside };
}

function store(
	left: Float64Array,
	right: Float64Array,
	row: number,
	column: number,
	v: number,
	w: number,
): void {
	const at = row * 2 * blockSize + column;
	left[at] = v;
	left[at + blockSize] = w;
	right[at] = w;
	right[at + blockSize] = v;
}

/** Euclidean length of the first `count` values, scaled so that their squares cannot overflow or vanish. */
function length(values: Float64Array, count: number): number {
	let largest = 0;
	for (let k = 0; k < count; k++)
		largest = Math.max(largest, Math.abs(values[k]));
	if (largest === 0) return 0;
	let sum = 0;
	for (let k = 0; k < count; k++) sum += (values[k] / largest) ** 2;
	return largest * Math.sqrt(sum);
}

/** `product = A · vector` over the leading `count` rows of a symmetric matrix whose lower half is kept. */
function multiplySymmetric(
	a: Float64Array,
	size: number,
	vector: Float64Array,
	product: Float64Array,
	count: number,
): void {
	product.fill(0, 0, count);
	let i = 0;
	// Four rows at a time: each partial product is loaded and stored once for all four.
	for (; i + 3 < count; i += 4) {
		const r0 = i * size;
		const r1 = r0 + size;
		const r2 = r1 + size;
		const r3 = r2 + size;
		const x0 = vector[i];
		const x1 = vector[i + 1];
		const x2 = vector[i + 2];
		const x3 = vector[i + 3];
		let s0 = 0;
		let s1 = 0;
		let s2 = 0;
		let s3 = 0;
		for (let k = 0; k < i; k++) {
			const v = vector[k];
			const a0 = a[r0 + k];
			const a1 = a[r1 + k];
			const a2 = a[r2 + k];
			const a3 = a[r3 + k];
			s0 += a0 * v;
			s1 += a1 * v;
			s2 += a2 * v;
			s3 += a3 * v;
			product[k] += a0 * x0 + a1 * x1 + (a2 * x2 + a3 * x3);
		}
		product[i] += s0;
		product[i + 1] += s1;
		product[i + 2] += s2;
		product[i + 3] += s3;
		for (let j = i; j < i + 4; j++) addRow(a, size, vector, product, i, j);
	}
	for (; i < count; i++) addRow(a, size, vector, product, 0, i);
}

/** The part of row `i` from column `from` to the diagonal, and its mirror image. */
function addRow(
	a: Float64Array,
	size: number,
	vector: Float64Array,
	product: Float64Array,
	from: number,
	i: number,
): void {
	for (let k = from; k < i; k++) {
		product[i] += a[i * size + k] * vector[k];
		product[k] += a[i * size + k] * vector[i];
	}
	product[i] += a[i * size + i] * vector[i];
}

/** `product −= (V Wᵀ + W Vᵀ) · vector` for the reflections that are not applied to the matrix yet. */
function subtractPending(
	left: Float64Array,
	right: Float64Array,
	stride: number,
	pending: number,
	vector: Float64Array,
	product: Float64Array,
	count: number,
): void {
	const sums = new Float64Array(stride);
	for (let k = 0; k < count; k++)
		for (let p = 0; p < pending; p++) {
			sums[p] += right[k * stride + p] * vector[k];
			sums[blockSize + p] += right[k * stride + blockSize + p] * vector[k];
		}
	for (let k = 0; k < count; k++) {
		let value = 0;
		for (let p = 0; p < pending; p++)
			value +=
				left[k * stride + p] * sums[p] +
				left[k * stride + blockSize + p] * sums[blockSize + p];
		product[k] -= value;
	}
}

function tridiagonalEigenvalues(
	diagonal: Float64Array,
	beside: Float64Array,
): Float64Array {
	const d = Float64Array.from(diagonal);
	const e = Float64Array.from(beside);
	const size = d.length;
	for (let low = 0; low < size; low++)
		for (let turn = 0; ; turn++) {
			let m = low;
			for (; m < size - 1; m++) {
				const scale = Math.abs(d[m]) + Math.abs(d[m + 1]);
				if (Math.abs(e[m]) <= Number.EPSILON * scale) break;
			}
			if (m === low) break;
			if (turn === 60)
				throw new Error("the eigenvalue iteration does not converge");
			qlStep(d, e, low, m);
		}
	return d;
}

/** One implicitly shifted QL step on rows `low` to `high` (Wilkinson's shift). */
function qlStep(
	d: Float64Array,
	e: Float64Array,
	low: number,
	high: number,
): void {
	let g = (d[low + 1] - d[low]) / (2 * e[low]);
	const root = Math.sqrt(g * g + 1);
	g = d[high] - d[low] + e[low] / (g + (g >= 0 ? root : -root));
	let sine = 1;
	let cosine = 1;
	let shift = 0;
	for (let i = high - 1; i >= low; i--) {
		const f = sine * e[i];
		const b = cosine * e[i];
		const radius = Math.sqrt(f * f + g * g);
		e[i + 1] = radius;
		if (radius === 0) {
			// The matrix falls apart here: the next step works on its parts.
			d[i + 1] -= shift;
			e[high] = 0;
			return;
		}
		sine = f / radius;
		cosine = g / radius;
		g = d[i + 1] - shift;
		const turned = (d[i] - g) * sine + 2 * cosine * b;
		shift = sine * turned;
		d[i + 1] = g + shift;
		g = cosine * turned - b;
	}
	d[low] -= shift;
	e[low] = g;
	e[high] = 0;
}
