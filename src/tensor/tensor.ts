/** A dense float32 array in row-major order: `data[i * strides…]` with `dims` from the slowest axis to the fastest. */
export interface Tensor {
	readonly dims: readonly number[];
	readonly data: Float32Array;
}

/** Number of elements of a tensor of these dimensions (1 for a scalar). */
export function elementCount(dims: readonly number[]): number {
	return dims.reduce((count, dim) => count * dim, 1);
}

/**
 * A tensor of `dims` over `data`, or filled with zeros.
 * @throws RangeError when `data` has not as many elements as `dims` say.
 */
export function tensor(dims: readonly number[], data?: Float32Array): Tensor {
	const count = elementCount(dims);
	if (data && data.length !== count)
		throw new RangeError(
			`a tensor of [${dims.join(", ")}] needs ${count} elements, not ${data.length}`,
		);
	return { dims, data: data ?? new Float32Array(count) };
}

/** Whether a value that a JavaScript caller gave is a tensor, whatever its numbers are. */
export function hasTensorShape(value: unknown): value is Tensor {
	const { dims, data } = (value ?? {}) as Partial<Tensor>;
	return (
		Array.isArray(dims) &&
		dims.every((dim) => Number.isSafeInteger(dim) && dim > 0) &&
		data instanceof Float32Array &&
		data.length === elementCount(dims)
	);
}

/** The same, all of its numbers finite. */
export function isTensor(value: unknown): value is Tensor {
	return hasTensorShape(value) && value.data.every(Number.isFinite);
}

/** Rows `from` (inclusive) to `to` (exclusive) of the first axis, as a view on the same memory. */
export function rows(source: Tensor, from: number, to: number): Tensor {
	const [count, ...rest] = source.dims;
	const size = source.data.length / (count || 1);
	return {
		dims: [to - from, ...rest],
		data: source.data.subarray(from * size, to * size),
	};
}

/**
 * Tensors joined along the first axis, in order.
 * @throws RangeError when the other axes differ, or there is nothing to join.
 */
export function concat(parts: readonly Tensor[]): Tensor {
	const [first] = parts;
	if (!first) throw new RangeError("nothing to join");
	const rest = first.dims.slice(1);
	let count = 0;
	let length = 0;
	for (const part of parts) {
		if (part.dims.slice(1).join() !== rest.join())
			throw new RangeError(
				`tensors of [${first.dims.join(", ")}] and [${part.dims.join(", ")}] cannot be joined`,
			);
		count += part.dims[0];
		length += part.data.length;
	}
	const data = new Float32Array(length);
	let offset = 0;
	for (const part of parts) {
		data.set(part.data, offset);
		offset += part.data.length;
	}
	return { dims: [count, ...rest], data };
}
