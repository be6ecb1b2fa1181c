import type { DType, TensorEntry } from "./weights.js";

/** What a set of tensors amounts to. */
export interface WeightSummary {
	readonly tensors: number;
	readonly parameters: number;
	readonly bytes: number;
	/** Tensors of each data type. */
	readonly dtypes: Readonly<Partial<Record<DType, number>>>;
}

/** Counts tensors, parameters (elements), bytes and data types. */
export function summarizeWeights(
	entries: Iterable<Pick<TensorEntry, "dtype" | "shape" | "length">>,
): WeightSummary {
	let tensors = 0;
	let parameters = 0;
	let bytes = 0;
	const dtypes: Partial<Record<DType, number>> = {};
	for (const { dtype, shape, length } of entries) {
		tensors++;
		parameters += shape.reduce((count, dim) => count * dim, 1);
		bytes += length;
		dtypes[dtype] = (dtypes[dtype] ?? 0) + 1;
	}
	return { tensors, parameters, bytes, dtypes };
}
