import { UserError } from "../../errors/userError.js";
import { type Tensor, tensor } from "../../tensor/tensor.js";
import { memoryFile } from "./modelFolder.js";
import { openNodeFile } from "./nodeModelFolder.js";
import type { DType, Weights } from "./weights.js";

/**
 * Reads one tensor as float32, from F32, F16, BF16 or F64.
 * @throws UserError when the weights have no such tensor, it is of another type, or its file cannot be read.
 */
export async function readTensor(
	weights: Weights,
	name: string,
): Promise<Tensor> {
	const entry = weights.tensors.get(name);
	const file = entry && weights.files.get(entry.file);
	if (!file) throw new UserError(`${weights.label} has no tensor ${name}`);
	const source =
		"path" in file
			? await openNodeFile(file.path)
			: memoryFile(weights.label, entry.file, file.bytes);
	const bytes = await source.read(entry.offset, entry.length);
	if (bytes.length !== entry.length)
		throw new UserError(`${source.label} has become shorter`);
	const data = floats(bytes, entry.dtype);
	if (!data)
		throw new UserError(
			`${weights.label}: ${name} is ${entry.dtype}, not a floating-point tensor`,
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
		default:
			return undefined;
	}
}

/** The value of an IEEE 754 binary16. */
function float16(bits: number): number {
	const sign = bits & 0x8000 ? -1 : 1;
	const exponent = (bits >> 10) & 0x1f;
	const fraction = bits & 0x3ff;
	if (exponent === 0) return sign * fraction * 2 ** -24;
	if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
	return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
