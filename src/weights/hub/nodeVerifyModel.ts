import { readdir, readlink, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { UserError } from "../../errors/userError.js";
import { reasonOf } from "../../files/fileFault.js";
import { digestFile } from "../../files/nodeDigestFile.js";
import { nodeModelFolder, openNodeFile } from "../formats/nodeModelFolder.js";
import { readSafetensorsHeader } from "../formats/weightFile.js";
import { repoFolder } from "./nodeHubCache.js";
import { checksumOf } from "./nodeHubDownload.js";

/** A file that was looked at. */
export interface VerifiedFile {
	/** As messages call it. */
	readonly file: string;
	readonly size: number;
	/** What was checked: the content against its checksum, or only the structure of a safetensors file. */
	readonly checked: "checksum" | "structure" | "nothing";
	/** Why it is no good; undefined when it is. */
	readonly problem?: string;
	/** Where it lies. */
	readonly path: string;
}

/**
 * Reads the blobs of a repository in the cache again and compares them with the checksums that are their names.
 * @param onBytes called with the bytes read so far of all blobs, and how many there are.
 * @throws UserError when the cache has no such repository; the signal's reason when it is aborted.
 */
export async function* verifyCachedRepo(
	cacheFolder: string,
	repo: string,
	onBytes: (done: number, total: number) => void = () => undefined,
	signal?: AbortSignal,
): AsyncGenerator<VerifiedFile> {
	const folder = repoFolder(cacheFolder, repo);
	const blobs = join(folder, "blobs");
	const names = await readdir(blobs).catch(() => {
		throw new UserError(
			`${repo} is not in the cache ${cacheFolder}: get it with fdiff models pull ${repo}`,
		);
	});
	const called = await pathsOfBlobs(join(folder, "snapshots"), repo);
	const files: { name: string; size: number }[] = [];
	for (const name of names.sort())
		if (!/\.(incomplete|lock|etag)$/.test(name))
			files.push({ name, size: (await stat(join(blobs, name))).size });
	const total = files.reduce((sum, { size }) => sum + size, 0);
	let done = 0;
	for (const { name, size } of files) {
		const path = join(blobs, name);
		const file = called.get(name) ?? `${repo}: ${name}`;
		const algorithm = checksumOf(name);
		if (!algorithm) {
			done += size;
			yield { file, size, checked: "nothing", path };
			continue;
		}
		const digest = await digestFile(path, algorithm, {
			...(signal && { signal }),
			onBytes: (length) => {
				done += length;
				onBytes(done, total);
			},
		});
		yield {
			file,
			size,
			checked: "checksum",
			path,
			...(digest === name
				? {}
				: {
						problem: `its content has the checksum ${digest.slice(0, 12)}…, not ${name.slice(0, 12)}…`,
					}),
		};
	}
	for (const [blob, file] of called)
		if (!names.includes(blob))
			yield {
				file,
				size: 0,
				checked: "nothing",
				path: join(blobs, blob),
				problem: "the file that its link points to is missing",
			};
}

/** Paths in snapshots ("REPO: PATH") by the blob that they link to. */
async function pathsOfBlobs(
	snapshots: string,
	repo: string,
): Promise<Map<string, string>> {
	const paths = new Map<string, string>();
	const entries = await readdir(snapshots, {
		recursive: true,
		withFileTypes: true,
	}).catch(() => []);
	for (const entry of entries) {
		if (!entry.isSymbolicLink()) continue;
		const path = join(entry.parentPath, entry.name);
		const inSnapshot = path
			.slice(snapshots.length + 1)
			.split(/[\\/]/)
			.slice(1)
			.join("/");
		paths.set(basename(await readlink(path)), `${repo}: ${inSnapshot}`);
	}
	return paths;
}

/** Checks the structure of every safetensors file of a folder, or of one file. */
export async function* verifyPath(
	path: string,
	kind: "folder" | "file",
): AsyncGenerator<VerifiedFile> {
	const paths =
		kind === "file"
			? [path]
			: [...(await nodeModelFolder(path)).paths]
					.filter((name) => name.endsWith(".safetensors"))
					.map((name) => join(path, name));
	for (const file of paths) {
		const opened = await openNodeFile(file);
		const result = {
			file,
			size: opened.size,
			checked: "structure",
			path: file,
		} as const;
		try {
			await readSafetensorsHeader(opened);
			yield result;
		} catch (error) {
			if (!(error instanceof UserError)) throw error;
			yield {
				...result,
				problem: error.message.replace(`${file} is `, "it is "),
			};
		}
	}
}

/**
 * Takes a broken file out of the cache, so that the next download fetches it.
 * @throws UserError when that is not allowed.
 */
export async function removeBlob({ path, file }: VerifiedFile): Promise<void> {
	try {
		await rm(path, { force: true });
	} catch (error) {
		throw new UserError(`${file} cannot be removed: ${reasonOf(error)}`);
	}
}
