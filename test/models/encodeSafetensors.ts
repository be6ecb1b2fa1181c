import type { Weights } from "../../src/weights/formats/weights.js";

/** A safetensors file of weights that lie in one piece of memory. */
export function encodeSafetensors({ files, tensors }: Weights): Uint8Array {
	const [file] = files.values();
	if (!("bytes" in file)) throw new Error("these weights are on disk");
	const header = Object.fromEntries(
		[...tensors.values()].map(({ name, dtype, shape, offset, length }) => [
			name,
			{ dtype, shape, data_offsets: [offset, offset + length] },
		]),
	);
	let json = JSON.stringify(header);
	json += " ".repeat(7 - ((json.length + 7) % 8));
	const text = new TextEncoder().encode(json);
	const bytes = new Uint8Array(8 + text.length + file.bytes.length);
	new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
	bytes.set(text, 8);
	bytes.set(file.bytes, 8 + text.length);
	return bytes;
}
