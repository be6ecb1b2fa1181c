import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors/userError.js";
import { reasonOf } from "../files/fileFault.js";
import { readRegularFile } from "../files/nodeReadRegularFile.js";
import { openZip } from "../zip/nodeZipArchive.js";

/** Where image files are read from: a folder or a zip archive that stays as it is. */
export interface ImageSource {
	readonly label: string;
	/** Names of all image files, with "/", sorted. */
	readonly names: readonly string[];
	/** @throws UserError when the file cannot be read. */
	read(name: string): Promise<Uint8Array>;
	close(): void;
}

/** The formats that `decodePicture` reads. */
const imageName = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i;
/** No photograph is larger on disk. */
const maxImageBytes = 256 * 2 ** 20;

/** Whether a file is an image by its name. */
export function isImageName(name: string): boolean {
	const base = name.slice(name.lastIndexOf("/") + 1);
	return imageName.test(base) && !base.startsWith(".");
}

/**
 * The images of a folder (with its subfolders) or of a zip archive.
 * @throws UserError when it cannot be read or holds no images.
 */
export async function openImageSource(path: string): Promise<ImageSource> {
	const status = await stat(path).catch((error: unknown) => {
		throw unreadable(path, error);
	});
	if (!status.isDirectory() && !status.isFile())
		throw new UserError(
			`${path} cannot be read: it is neither a folder nor a file`,
			{ code: "invalid_input" },
		);
	if (status.isFile() && isImageName(path))
		throw new UserError(
			`${path} is one image: give the folder that it lies in, or a zip archive`,
			{ code: "usage" },
		);
	const source = status.isDirectory()
		? await folderSource(path)
		: await zipSource(path);
	if (source.names.length > 0) return source;
	source.close();
	throw new UserError(`${path} holds no images`);
}

async function folderSource(path: string): Promise<ImageSource> {
	const names: string[] = [];
	const collect = async (folder: string, depth: number): Promise<void> => {
		const entries = await readdir(join(path, folder), { withFileTypes: true });
		for (const entry of entries) {
			const name = folder ? `${folder}/${entry.name}` : entry.name;
			const linked = entry.isSymbolicLink()
				? await stat(join(path, name)).catch(() => undefined)
				: undefined;
			if ((linked ?? entry).isFile() && isImageName(name)) names.push(name);
			// Linked folders may lead in a circle.
			else if (entry.isDirectory() && depth > 0) await collect(name, depth - 1);
		}
	};
	await collect("", 8).catch((error: unknown) => {
		throw unreadable(path, error);
	});
	return {
		label: path,
		names: names.sort(),
		read: (name) => readRegularFile(join(path, name), maxImageBytes),
		close: () => {},
	};
}

async function zipSource(path: string): Promise<ImageSource> {
	const zip = await openZip(path, path);
	const names = [...zip.entries.keys()].filter(
		(name) => isImageName(name) && !name.startsWith("__MACOSX/"),
	);
	return {
		label: path,
		names: names.sort(),
		read: (name) => zip.read(name, maxImageBytes),
		close: () => zip.close(),
	};
}

function unreadable(path: string, error: unknown): UserError {
	return new UserError(`${path} cannot be read: ${reasonOf(error)}`, {
		cause: error,
	});
}
