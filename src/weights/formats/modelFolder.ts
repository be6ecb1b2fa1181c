import { UserError } from "../../errors/userError.js";
import { readJsonText } from "../../files/parseJson.js";
import {
	lengthFieldSize,
	parseSafetensorsHeader,
	type SafetensorsHeader,
	safetensorsDataStart,
} from "./safetensorsHeader.js";
import type { WeightFile } from "./weights.js";

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

/** A folder of a model, on disk (`nodeModelFolder`) or in memory (`modelFolderOf`). Paths are relative, with slashes. */
export interface ModelFolder {
	/** For messages: the path or Hub id. */
	readonly label: string;
	/** Every file in it, at most two levels deep. */
	readonly paths: ReadonlySet<string>;
	/**
	 * A text of at most 64 MiB.
	 * @throws UserError when it cannot be read or is too long.
	 */
	readText(path: string): Promise<string>;
	/** @throws UserError when it cannot be read. */
	open(path: string): Promise<ReadableFile>;
}

/** Texts (configs, vocabularies, indices) longer than this are refused. */
export const maxTextLength = 64 * 2 ** 20;

/** A model folder in memory, for browsers: file contents by relative path. */
export function modelFolderOf(
	label: string,
	files: ReadonlyMap<string, Uint8Array>,
): ModelFolder {
	const bytesOf = (path: string) => {
		const bytes = files.get(path);
		if (!bytes) throw new UserError(`${label}/${path} is missing`);
		return bytes;
	};
	return {
		label,
		paths: new Set(files.keys()),
		readText: async (path) => new TextDecoder().decode(bytesOf(path)),
		open: async (path) =>
			memoryFile(`${label}/${path}`, path.replaceAll("/", "-"), bytesOf(path)),
	};
}

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

/**
 * Reads and checks the header of a safetensors file, and nothing after it.
 * @throws UserError when it is malformed (see `parseSafetensorsHeader`).
 */
export async function readSafetensorsHeader(
	file: ReadableFile,
): Promise<SafetensorsHeader> {
	const start = await file.read(0, lengthFieldSize);
	const length = safetensorsDataStart(start, file.size, file.label);
	const head = await file.read(0, length);
	return parseSafetensorsHeader(head, file.size, file.label);
}

/**
 * Reads a JSON file of a model folder (with the numbers that Python writes, see `readJsonText`).
 * @throws UserError when it is missing or no JSON.
 */
export async function readJson(
	folder: ModelFolder,
	path: string,
): Promise<unknown> {
	return readJsonText(await folder.readText(path), `${folder.label}/${path}`);
}
