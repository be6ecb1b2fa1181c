import {
	type OpenWeightFile,
	openWeightFile,
	type ReadableFile,
} from "./formats/weightFile.js";
import type { Weights } from "./formats/weights.js";

/** Bytes of a tensor that are hashed: its first ones, and as many from its middle. */
const sampleLength = 256;

/** Few enough for any limit on open files. */
const readsAtOnce = 32;

/**
 * Ten hexadecimal digits that tell models apart, fast for files of any size: the start of the SHA-256 over every UNet tensor in
 * the order of its name, of its name, data type and shape and of 2 x 256 bytes of its data (first and middle ones). The same
 * weights give the same hash from a folder, from shards, from the Hub cache and from a single-file checkpoint; a fine-tuned
 * model gives another, an fp16 copy too.
 * @param open `openNodeWeightFile` for weights on disk.
 */
export async function modelHash(
	unet: Weights,
	open: OpenWeightFile = openWeightFile,
): Promise<string> {
	const files = new Map<string, ReadableFile>();
	for (const key of unet.files.keys()) files.set(key, await open(unet, key));
	const encoder = new TextEncoder();
	const names = [...unet.tensors.keys()].sort();
	const sample = async (name: string): Promise<Uint8Array[]> => {
		const entry = unet.tensors.get(name);
		const file = entry && files.get(entry.file);
		if (!file) return [];
		const { dtype, shape, offset, length } = entry;
		const head = encoder.encode(`${name}\n${dtype} ${shape.join("x")}\n`);
		if (length <= 2 * sampleLength)
			return [head, await file.read(offset, length)];
		const middle = offset + Math.floor(length / 2);
		return [
			head,
			await file.read(offset, sampleLength),
			await file.read(middle, sampleLength),
		];
	};
	const samples: Uint8Array[] = [];
	for (let i = 0; i < names.length; i += readsAtOnce) {
		const batch = names.slice(i, i + readsAtOnce).map(sample);
		samples.push(...(await Promise.all(batch)).flat());
	}
	const bytes = new Blob(samples as Uint8Array<ArrayBuffer>[]);
	const digest = await crypto.subtle.digest(
		"SHA-256",
		await bytes.arrayBuffer(),
	);
	return Array.from(new Uint8Array(digest), (byte) =>
		byte.toString(16).padStart(2, "0"),
	)
		.join("")
		.slice(0, 10);
}
