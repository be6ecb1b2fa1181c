import type { Graph } from "../../src/graph/graph.js";
import { elementCount } from "../../src/tensor/tensor.js";
import type {
	TensorEntry,
	Weights,
} from "../../src/weights/formats/weights.js";
import { hashedValues, seedOf } from "../hashedValues.js";

/** The weights that `random_weight` of test/reference/metric_networks.py makes, for every tensor the graph reads. */
export function randomWeights({ tensors: shapes }: Graph): Weights {
	const tensors = new Map<string, TensorEntry>();
	let offset = 0;
	for (const [name, shape] of shapes) {
		const length = 4 * elementCount(shape);
		const file = "random";
		tensors.set(name, { name, dtype: "F32", shape, file, offset, length });
		offset += length;
	}
	const bytes = new Uint8Array(offset);
	for (const { name, shape, offset: at, length } of tensors.values())
		new Float32Array(bytes.buffer, at, length / 4).set(
			randomWeight(name, shape),
		);
	const files = new Map([["random", { bytes }]]);
	return { label: "random weights", files, tensors };
}

function randomWeight(name: string, shape: readonly number[]): Float32Array {
	const count = elementCount(shape);
	const seed = seedOf(name);
	if (name.startsWith("lin")) return hashedValues(count, seed, 0.5, 0.5);
	if (name.endsWith("running_var")) return hashedValues(count, seed, 0.5, 1);
	if (name.endsWith("bn.weight")) return hashedValues(count, seed, 0.1, 1);
	if (shape.length === 1) return hashedValues(count, seed, 0.1);
	const fanIn = elementCount(shape.slice(1));
	return hashedValues(count, seed, Math.sqrt(6 / fanIn));
}

/** The pictures of that script: bytes `[batch, 3, height, width]`. */
export function pictureBytes(count: number, seed: number): Uint8Array {
	const values = hashedValues(count, seed);
	return Uint8Array.from(values, (value) => Math.floor((value + 1) * 128));
}
