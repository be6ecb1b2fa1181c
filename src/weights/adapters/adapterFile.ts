import { safetensorsDataStart } from "../formats/safetensorsHeader.js";
import { safetensorsWeights } from "../formats/safetensorsWeights.js";
import {
	blobFile,
	memoryFile,
	type ReadableFile,
} from "../formats/weightFile.js";
import type { AdapterFile } from "./openAdapter.js";

/**
 * An adapter from the content of a safetensors file.
 * @throws UserError when it is malformed.
 */
export function memoryAdapterFile(
	content: Uint8Array | Blob,
	name: string,
): Promise<AdapterFile> {
	const key = `${name.replace(/[^\w-]/g, "_")}.safetensors`;
	return adapterFile(
		content instanceof Uint8Array
			? memoryFile(name, key, content)
			: blobFile(name, key, content),
		name,
	);
}

/**
 * An adapter from a safetensors file.
 * @param name what prompts call it
 * @throws UserError when it is malformed.
 */
export async function adapterFile(
	file: ReadableFile,
	name: string,
): Promise<AdapterFile> {
	const { metadata, ...weights } = await safetensorsWeights(file);
	return {
		label: file.label,
		name,
		hash: await contentHash(file),
		weights,
		metadata,
	};
}

/** The start of the SHA-256 of what follows the header. */
async function contentHash(file: ReadableFile): Promise<string> {
	const start = safetensorsDataStart(
		await file.read(0, 9),
		file.size,
		file.label,
	);
	const bytes = await file.read(start, file.size - start);
	const digest = await crypto.subtle.digest(
		"SHA-256",
		bytes as Uint8Array<ArrayBuffer>,
	);
	return Array.from(new Uint8Array(digest).subarray(0, 6), (byte) =>
		byte.toString(16).padStart(2, "0"),
	).join("");
}
