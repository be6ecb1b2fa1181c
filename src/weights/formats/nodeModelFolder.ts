import { constants } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { UserError } from "../../errors/userError.js";
import { reasonOf } from "../../files/fileFault.js";
import { type ModelFolder, maxTextLength } from "./modelFolder.js";
import {
	type OpenWeightFile,
	openWeightFile,
	type ReadableFile,
} from "./weightFile.js";

/**
 * A model folder on disk. Links are followed (Hub caches are made of them); weight files are known by their resolved paths.
 * @param label what messages call it (its path by default).
 * @param depth how many folders down files are looked for.
 * @throws UserError when the folder cannot be read.
 */
export async function nodeModelFolder(
	path: string,
	label: string = path,
	depth = 1,
): Promise<ModelFolder> {
	const paths = new Set<string>();
	const collect = async (relative: string, below: number): Promise<void> => {
		for (const entry of await readdir(join(path, relative), {
			withFileTypes: true,
		})) {
			const child = relative ? `${relative}/${entry.name}` : entry.name;
			const kind = entry.isSymbolicLink()
				? await stat(join(path, child)).catch(() => undefined)
				: entry;
			if (kind?.isFile()) paths.add(child);
			else if (kind?.isDirectory() && below > 0)
				await collect(child, below - 1);
		}
	};
	try {
		await collect("", depth);
	} catch (error) {
		throw new UserError(`${label} cannot be read: ${reasonOf(error)}`);
	}
	return {
		label,
		path,
		paths,
		readText: async (name) => {
			const file = await openNodeFile(join(path, name), `${label}/${name}`);
			if (file.size > maxTextLength)
				throw new UserError(
					`${label}/${name} is ${file.size} bytes long: too long for a text of a model`,
				);
			return new TextDecoder().decode(await file.read(0, file.size));
		},
		open: (name) => openNodeFile(join(path, name), `${label}/${name}`),
	};
}

/**
 * A file on disk that is read in parts; it is opened for each part, so that nothing has to be closed.
 * @throws UserError when there is no such file or it cannot be read.
 */
export async function openNodeFile(
	path: string,
	label: string = path,
): Promise<ReadableFile> {
	const failed = (error: unknown): never => {
		throw new UserError(`${label} cannot be read: ${reasonOf(error)}`, {
			cause: error,
		});
	};
	let real: string;
	let size: number;
	try {
		real = await realpath(path);
		const status = await stat(real);
		if (!status.isFile()) throw new Error("it is not a file");
		size = status.size;
	} catch (error) {
		return failed(error);
	}
	return {
		label,
		key: basename(real),
		file: { path: real, size },
		size,
		read: async (offset, length) => {
			try {
				const handle = await open(real, constants.O_RDONLY);
				try {
					const bytes = new Uint8Array(
						Math.max(0, Math.min(length, size - offset)),
					);
					let filled = 0;
					while (filled < bytes.length) {
						const { bytesRead } = await handle.read(
							bytes,
							filled,
							bytes.length - filled,
							offset + filled,
						);
						if (bytesRead === 0) break;
						filled += bytesRead;
					}
					return bytes.subarray(0, filled);
				} finally {
					await handle.close();
				}
			} catch (error) {
				return failed(error);
			}
		},
	};
}

/** Opens a file of some weights, wherever it lies. @throws UserError when there is no such file or it cannot be read. */
export const openNodeWeightFile: OpenWeightFile = async (weights, key) => {
	const file = weights.files.get(key);
	return file && "path" in file
		? openNodeFile(file.path)
		: openWeightFile(weights, key);
};
