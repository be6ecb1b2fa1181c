import { createHash, randomBytes } from "node:crypto";
import { link, open, readdir, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { UserError } from "../errors/userError.js";
import { cannotWrite } from "./fileFault.js";
import { isAlive } from "./nodeIsAlive.js";
import { makeFolder as makeFolders } from "./nodeMakeFolder.js";

/** How a file gets its place. */
export interface PlaceOptions {
	/** Leaves a file that is there as it is. */
	readonly keep?: boolean;
	/** Makes the folder it lies in, where there is none. */
	readonly makeFolder?: boolean;
	/** What errors call it: its path unless told otherwise. */
	readonly label?: string;
}

/**
 * Writes a file whole or not at all: under another name beside it first, which nobody reads by mistake and which is gone when
 * it fails. Of several processes that write the same file, one wins.
 * @throws UserError with the path when it cannot be written (no folder, no permission, a full disk, …)
 */
export async function writeWhole(
	path: string,
	content: string | Uint8Array,
	options: PlaceOptions = {},
): Promise<void> {
	await placeWhole(
		path,
		async (temporary) => {
			const file = await open(temporary, "wx");
			try {
				await file.writeFile(content);
				await file.sync();
			} finally {
				await file.close();
			}
		},
		options,
	);
}

/**
 * The same for a file that `make` makes (a link, a copy, …) under the name it is given.
 * @throws UserError as `writeWhole` does
 */
export async function placeWhole(
	path: string,
	make: (temporary: string) => Promise<void>,
	{ keep = false, makeFolder = false, label = path }: PlaceOptions = {},
): Promise<void> {
	const temporary = temporaryName(path);
	try {
		await refuseDevice(path);
		if (makeFolder) await makeFolders(dirname(path));
		await sweep(dirname(path));
		await make(temporary);
		if (!keep || (await isClaimed(temporary, path)))
			await rename(temporary, path);
	} catch (error) {
		throw cannotWrite(label, error);
	} finally {
		await rm(temporary, { force: true }).catch(() => undefined);
	}
}

/** A device or a pipe would be replaced by the file, for everybody on the machine. @throws UserError */
export async function refuseDevice(path: string): Promise<void> {
	const there = await stat(path).catch(() => undefined);
	if (there && !there.isFile() && !there.isDirectory())
		throw new UserError(
			`${path} cannot be written: it is a device or pipe, not a file`,
		);
}

/** A name beside the file, by which `sweep` knows what a killed process left. Of a part of its name: it must not become too long. */
function temporaryName(path: string): string {
	return join(
		dirname(path),
		`.${basename(path).slice(0, 50)}.${HOST}-${process.pid}-${randomBytes(6).toString("hex")}.tmp`,
	);
}

/** Tells machines apart that write into one folder. */
const HOST = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
/** Folders that this process has looked through. */
const swept = new Set<string>();

/** Removes what killed processes of this machine left half-written in a folder, once for each folder. */
async function sweep(folder: string): Promise<void> {
	if (swept.has(folder)) return;
	swept.add(folder);
	for (const name of await readdir(folder).catch(() => [])) {
		const [, host, pid] =
			/\.([0-9a-f]{8})-(\d+)-[0-9a-f]{12}\.tmp$/.exec(name) ?? [];
		if (host === HOST && !isAlive(Number(pid)))
			await rm(join(folder, name), { force: true }).catch(() => undefined);
	}
}

/**
 * Gives `temporary` the name `path` too, unless a file has it; of several processes one wins. Where the file system has no hard
 * links (each says so by another code), the name is claimed by an empty file instead.
 * @returns whether the name is claimed and waits for the file to take it.
 */
async function isClaimed(temporary: string, path: string): Promise<boolean> {
	try {
		await link(temporary, path);
		return false;
	} catch (error) {
		if (hasCode(error, "EEXIST")) return false;
	}
	try {
		await (await open(path, "wx")).close();
		return true;
	} catch (error) {
		if (hasCode(error, "EEXIST")) return false;
		throw error;
	}
}

function hasCode(error: unknown, code: string): boolean {
	return (error as NodeJS.ErrnoException).code === code;
}
