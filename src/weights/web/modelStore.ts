import { UserError } from "../../errors/userError.js";
import { sha256 } from "../../files/sha256.js";
import {
	type Manifest,
	type ModelShelf,
	memoryShelf,
	type StoredFile,
} from "./modelShelf.js";

/** A model that is kept in the browser's storage. */
export interface StoredModel {
	/** What it was loaded by: an address or a Hub id. */
	readonly name: string;
	/** Of its weights and configs, and how many of them are there. */
	readonly size: number;
	readonly stored: number;
	readonly complete: boolean;
	readonly files: readonly StoredFile[];
}

const FOLDER = "faster-diffusion-models";
const MANIFEST = "manifest.json";

/**
 * Where a model is kept: in the browser's private file system, or in memory where the browser has none for this page.
 * @param notice told why it cannot be kept
 */
export async function openShelf(
	name: string,
	notice: (message: string) => void,
): Promise<ModelShelf> {
	const root = await modelsFolder();
	if (root)
		return folderShelf(
			await root.getDirectoryHandle(idOf(name), { create: true }),
		);
	notice(
		"this browser keeps no files for this page (a private window, storage that is switched off, or a page without https): the model is fetched again at the next visit",
	);
	return memoryShelf();
}

/** The models that are kept in this browser, for pages of this origin. */
export async function listModels(): Promise<StoredModel[]> {
	const root = await modelsFolder();
	const models: StoredModel[] = [];
	if (!root) return models;
	for await (const handle of root.values()) {
		if (handle.kind !== "directory") continue;
		const shelf = folderShelf(handle);
		const manifest = await shelf.described();
		if (!manifest) continue;
		let stored = 0;
		for (const file of manifest.files.keys())
			for (const part of await shelf.parts(file)) stored += part.size;
		const { name, files, complete } = manifest;
		models.push({
			name,
			files,
			complete,
			stored,
			size: files.reduce((sum, { size }) => sum + size, 0),
		});
	}
	return models.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Removes a model from the browser's storage.
 * @throws UserError when it is not there.
 */
export async function removeModel(name: string): Promise<void> {
	const root = await modelsFolder();
	try {
		if (!root) throw new DOMException("", "NotFoundError");
		await root.removeEntry(idOf(name), { recursive: true });
	} catch (cause) {
		throw new UserError(
			`${name} is not kept in this browser; listModels() tells what is`,
			{ code: "not_found", cause },
		);
	}
}

/** The most bytes that can still be kept; undefined where the browser does not tell. */
export async function roomLeft(): Promise<number | undefined> {
	const { quota, usage = 0 } =
		(await navigator.storage?.estimate?.().catch(() => undefined)) ?? {};
	return quota === undefined ? undefined : Math.max(0, quota - usage);
}

async function modelsFolder(): Promise<FileSystemDirectoryHandle | undefined> {
	try {
		const root = await navigator.storage.getDirectory();
		return await root.getDirectoryHandle(FOLDER, { create: true });
	} catch {
		return undefined;
	}
}

/** A name that any file system takes. */
function idOf(name: string): string {
	const digest = sha256();
	digest.update(new TextEncoder().encode(name));
	return digest.hex().slice(0, 32);
}

function folderShelf(folder: FileSystemDirectoryHandle): ModelShelf {
	const read = async (name: string): Promise<File | undefined> => {
		try {
			return await (await folder.getFileHandle(name)).getFile();
		} catch {
			return undefined;
		}
	};
	return {
		lasting: true,
		async parts(file) {
			const found: Blob[] = [];
			for (;;) {
				const part = await read(`${file}.${found.length}`);
				if (!part?.size) return found;
				found.push(part);
			}
		},
		add: (file, part, bytes) => write(folder, `${file}.${part}`, bytes),
		async drop(file) {
			// the first part last: without it the others are none
			for (let part = (await this.parts(file)).length; part > 0; part--)
				await cleared(folder.removeEntry(`${file}.${part - 1}`));
		},
		describe: (model) =>
			write(folder, MANIFEST, new TextEncoder().encode(JSON.stringify(model))),
		async described() {
			const file = await read(MANIFEST);
			try {
				return file && (JSON.parse(await file.text()) as Manifest);
			} catch {
				return undefined;
			}
		},
	};
}

/** Another tab may have it open, or have removed it. */
async function cleared(removing: Promise<void>): Promise<void> {
	await removing.catch((cause: Error) => {
		if (cause.name === "NotFoundError") return;
		throw new UserError(
			`what is kept in this browser cannot be replaced (${cause.message}): close other tabs that load the model`,
			{ code: "invalid_input", cause },
		);
	});
}

async function write(
	folder: FileSystemDirectoryHandle,
	name: string,
	bytes: Uint8Array,
): Promise<void> {
	try {
		const handle = await folder.getFileHandle(name, { create: true });
		if ("createWritable" in handle) {
			const writable = await handle.createWritable();
			await writable.write(bytes as Uint8Array<ArrayBuffer>);
			await writable.close();
		} else await writeAtOnce(handle, bytes);
	} catch (cause) {
		// a full disk is told of in several ways: by its quota, or as a pipe that broke
		throw new UserError(
			`this browser's storage is full or cannot be written (${(cause as Error).message}): remove models that are no longer needed (removeModel), or make room on the disk`,
			{ code: "no_memory", cause },
		);
	}
}

/** What Safari had before version 26, in workers. */
interface SyncAccess {
	truncate(size: number): void;
	write(bytes: Uint8Array): number;
	close(): void;
}

async function writeAtOnce(
	handle: FileSystemFileHandle,
	bytes: Uint8Array,
): Promise<void> {
	const access = await (
		handle as unknown as { createSyncAccessHandle(): Promise<SyncAccess> }
	).createSyncAccessHandle();
	try {
		access.truncate(0);
		if (access.write(bytes) < bytes.length)
			throw new DOMException("there is no room", "QuotaExceededError");
	} finally {
		access.close();
	}
}
