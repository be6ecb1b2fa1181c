import { UserError } from "../../errors/userError.js";
import { foreignFile, headLength } from "../../files/foreignFile.js";
import {
	lengthFieldSize,
	parseSafetensorsHeader,
	type SafetensorsHeader,
	safetensorsDataStart,
} from "./safetensorsHeader.js";
import type { WeightFile, Weights } from "./weights.js";

/** A weight file that can be read in parts. */
export interface ReadableFile {
	/** For messages. */
	readonly label: string;
	/** Key for `Weights.files`: the last part of the resolved path. */
	readonly key: string;
	readonly file: WeightFile;
	readonly size: number;
	/** `length` bytes from `offset`; fewer only where the file ends. */
	read(offset: number, length: number): Promise<Uint8Array>;
}

/** Opens a file of some weights, by its key in `Weights.files`. */
export type OpenWeightFile = (
	weights: Weights,
	key: string,
) => Promise<ReadableFile>;

/**
 * Opens a file of some weights that lies in memory or in a Blob. `openNodeWeightFile` opens those on disk too.
 * @throws UserError when there is no such file, or it is on disk.
 */
export const openWeightFile: OpenWeightFile = async (weights, key) => {
	const file = weights.files.get(key);
	if (!file) throw new UserError(`${weights.label} has no file ${key}`);
	if ("bytes" in file) return memoryFile(weights.label, key, file.bytes);
	if ("blob" in file) return blobFile(weights.label, key, file.blob);
	throw new UserError(`${file.path} is on disk, which cannot be read here`);
};

/** A weight file in memory. */
export function memoryFile(
	label: string,
	key: string,
	bytes: Uint8Array,
): ReadableFile {
	return {
		label,
		key,
		file: { bytes },
		size: bytes.length,
		read: async (offset, length) => bytes.subarray(offset, offset + length),
	};
}

/** A weight file in a Blob, of which only the parts that are asked for are read. */
export function blobFile(label: string, key: string, blob: Blob): ReadableFile {
	return {
		label,
		key,
		file: { blob },
		size: blob.size,
		read: async (offset, length) =>
			new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
	};
}

/**
 * Reads and checks the header of a safetensors file, and nothing after it.
 * @throws UserError when it is malformed (see `parseSafetensorsHeader`).
 */
export async function readSafetensorsHeader(
	file: ReadableFile,
): Promise<SafetensorsHeader> {
	const start = await file.read(0, lengthFieldSize + 1);
	// A header's length, then a JSON object: anything else may be known by its first bytes.
	const foreign =
		start[lengthFieldSize] === 0x7b
			? undefined
			: foreignFile(await file.read(0, headLength));
	if (foreign)
		throw new UserError(
			`${file.label} is no safetensors file: it is ${foreign}`,
			{ code: "invalid_input" },
		);
	const length = safetensorsDataStart(start, file.size, file.label);
	const head = await file.read(0, length);
	return parseSafetensorsHeader(head, file.size, file.label);
}
