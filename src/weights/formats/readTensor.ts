import { UserError } from "../../errors/userError.js";
import { float16 } from "../../tensor/float16.js";
import { type Tensor, tensor } from "../../tensor/tensor.js";
import { type OpenWeightFile, openWeightFile } from "./weightFile.js";
import type { DType, Weights } from "./weights.js";

/**
 * Reads one tensor as float32, from F32, F16, BF16 or F64, or from whole numbers (I32, I64), which alphas of LoRAs may be.
 * @param open `openNodeWeightFile` for weights on disk.
 * @throws UserError when the weights have no such tensor, it is of another type, or its file cannot be read.
 */
export async function readTensor(
	weights: Weights,
	name: string,
	open: OpenWeightFile = openWeightFile,
): Promise<Tensor> {
	const entry = weights.tensors.get(name);
	if (!entry) throw new UserError(`${weights.label} has no tensor ${name}`);
	const source = await open(weights, entry.file);
	const bytes = await source.read(entry.offset, entry.length);
	if (bytes.length !== entry.length)
		throw new UserError(`${source.label} has become shorter`);
	const data = floats(bytes, entry.dtype);
	if (!data)
		throw new UserError(
			`${weights.label}: ${name} is ${entry.dtype}, not a tensor of numbers that can be used`,
		);
	return tensor(entry.shape, data);
}

function floats(bytes: Uint8Array, dtype: DType): Float32Array | undefined {
	// A copy, since typed arrays want offsets that are multiples of their elements.
	const { buffer } = bytes.slice();
	switch (dtype) {
		case "F32":
			return new Float32Array(buffer);
		case "F64":
			return Float32Array.from(new Float64Array(buffer));
		case "F16":
			return Float32Array.from(new Uint16Array(buffer), float16);
		case "BF16": {
			const bits = Uint32Array.from(
				new Uint16Array(buffer),
				(half) => half << 16,
			);
			return new Float32Array(bits.buffer);
		}
		case "I32":
			return Float32Array.from(new Int32Array(buffer));
		case "I64":
			return Float32Array.from(new BigInt64Array(buffer), Number);
		default:
			return undefined;
	}
}
