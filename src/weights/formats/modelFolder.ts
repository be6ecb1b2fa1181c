import { UserError } from "../../errors/userError.js";
import { readJsonText } from "../../files/parseJson.js";
import { memoryFile, type ReadableFile } from "./weightFile.js";

/** A folder of a model, on disk (`nodeModelFolder`) or in memory (`modelFolderOf`). Paths are relative, with slashes. */
export interface ModelFolder {
	/** For messages: the path or Hub id. */
	readonly label: string;
	/** Where it is, when it is on disk. */
	readonly path?: string;
	/** Every file in it, two levels deep unless more was asked for. */
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
