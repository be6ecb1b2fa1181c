import { elementCount } from "../../src/tensor/tensor.js";
import type {
	TensorEntry,
	Weights,
} from "../../src/weights/formats/weights.js";

interface Source {
	readonly dims: readonly number[];
	readonly data: ArrayLike<number>;
}

const encoders = {
	F32: {
		bytes: 4,
		encode: (v: DataView, at: number, x: number) => v.setFloat32(at, x, true),
	},
	F64: {
		bytes: 8,
		encode: (v: DataView, at: number, x: number) => v.setFloat64(at, x, true),
	},
	/** The upper half of a float32, cut off: exact for values that have few digits. */
	BF16: {
		bytes: 2,
		encode: (v: DataView, at: number, x: number) =>
			v.setUint16(
				at,
				new Uint32Array(Float32Array.of(x).buffer)[0] >>> 16,
				true,
			),
	},
} as const;

/** Weights that lie in memory, one after another, after `gap` bytes. */
export function memoryWeights(
	sources: ReadonlyMap<string, Source>,
	dtype: keyof typeof encoders = "F32",
	gap = 0,
): Weights {
	const { bytes, encode } = encoders[dtype];
	const total = [...sources.values()].reduce(
		(sum, { dims }) => sum + elementCount(dims) * bytes,
		gap,
	);
	const file = new Uint8Array(total);
	const view = new DataView(file.buffer);
	const tensors = new Map<string, TensorEntry>();
	let offset = gap;
	for (const [name, { dims, data }] of sources) {
		const length = elementCount(dims) * bytes;
		for (let i = 0; i < data.length; i++)
			encode(view, offset + i * bytes, data[i]);
		tensors.set(name, {
			name,
			dtype,
			shape: dims,
			file: "memory",
			offset,
			length,
		});
		offset += length;
	}
	return {
		label: "memory",
		files: new Map([["memory", { bytes: file }]]),
		tensors,
	};
}
