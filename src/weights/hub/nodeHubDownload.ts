import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import {
	type FileHandle,
	mkdir,
	open,
	readFile,
	rename,
	rm,
	stat,
	writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors/userError.js";
import { reasonOf } from "../../files/fileFault.js";
import { withFileLock } from "../../files/nodeFileLock.js";
import type { HubFile } from "./hubFiles.js";
import { repoFolder } from "./nodeHubCache.js";
import {
	hubRequest,
	networkError,
	type RequestOptions,
	TransientError,
	withRetries,
} from "./nodeHubRequest.js";

/** A connection that gives nothing for this long is cut and tried anew. */
const stallAfter = 60_000;

/** A file of a repository at a commit, to be fetched. */
export interface BlobRequest extends RequestOptions {
	readonly repo: string;
	readonly commit: string;
	readonly file: HubFile;
	/** Bytes of this file that are there so far (goes back when it has to start again). */
	readonly onReceived?: (bytes: number) => void;
}

/**
 * Fetches a file into the cache's `blobs/`, unless it is there with its right size, and gives its name there (its etag).
 * The data go to `ETAG.fdiff.incomplete`; a download that was broken off goes on where it ended if the server still has the
 * same file (Range with If-Range), else it starts again. SHA-256 (large files) or git's SHA-1 (small ones) is checked while
 * the data come; only a file with the right one gets its final name. A lock keeps two processes from fetching the same file.
 * @throws UserError when the server refuses, the content is wrong twice, the disk is full, or the network stays away.
 */
export async function downloadBlob(request: BlobRequest): Promise<string> {
	const { repo, commit, file, settings, signal } = request;
	const what = `${repo}: ${file.path}`;
	const resolved = `/${repo}/resolve/${commit}/${file.path.split("/").map(encodeURIComponent).join("/")}`;
	const etag = file.etag ?? (await askEtag(resolved, what, request));
	const folder = repoFolder(settings.cacheFolder, repo);
	const blob = join(folder, "blobs", etag);
	const isThere = async () => {
		const size = await sizeOf(blob);
		if (size === undefined || (file.size !== undefined && size !== file.size))
			return false;
		request.onReceived?.(size);
		return true;
	};
	if (await isThere()) return etag;
	try {
		await mkdir(join(folder, "blobs"), { recursive: true });
		const lock = join(
			settings.cacheFolder,
			".locks",
			`models--${repo.replaceAll("/", "--")}`,
			`${etag}.fdiff.lock`,
		);
		await withFileLock(
			lock,
			async () => {
				if (!(await isThere()))
					await fetchBlob(request, what, resolved, etag, blob);
			},
			signal,
		);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code && !(error instanceof UserError) && !signal?.aborted)
			throw new UserError(
				`${what} cannot be written to ${settings.cacheFolder}: ${reasonOf(error)}${/ENOSPC|EDQUOT/.test(code) ? "; what has come is kept, make room (or set HF_HOME to another disk) and run it again" : ""}`,
				{ cause: error },
			);
		throw error;
	}
	return etag;
}

/** The etag of a file that the listing said nothing about. */
async function askEtag(
	resolved: string,
	what: string,
	request: BlobRequest,
): Promise<string> {
	const { etag } = await withRetries(what, request, () =>
		hubRequest(resolved, what, request, {}, "HEAD"),
	);
	if (!etag || !/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(etag))
		throw new UserError(`${what}: the server gives it no usable ETag`);
	return etag;
}

async function fetchBlob(
	request: BlobRequest,
	what: string,
	resolved: string,
	etag: string,
	blob: string,
): Promise<void> {
	const incomplete = `${blob}.fdiff.incomplete`;
	const validatorFile = `${incomplete}.etag`;
	const discard = async () => {
		await rm(incomplete, { force: true });
		await rm(validatorFile, { force: true });
	};
	for (let second = false; ; second = true) {
		const digest = await fetchContent(
			request,
			what,
			resolved,
			etag,
			incomplete,
			validatorFile,
		);
		if (digest === undefined || digest === etag) {
			await rename(incomplete, blob);
			await rm(validatorFile, { force: true });
			return;
		}
		await discard();
		if (second)
			throw new UserError(
				`${what} came with other content than it should have (checksum ${digest.slice(0, 12)}…, not ${etag.slice(0, 12)}…), twice: the server or something on the way changes it`,
			);
	}
}

/**
 * Brings the incomplete file to its end.
 * @returns the content's checksum, or undefined where the etag is none.
 */
async function fetchContent(
	request: BlobRequest,
	what: string,
	resolved: string,
	etag: string,
	incomplete: string,
	validatorFile: string,
): Promise<string | undefined> {
	const { file, onReceived } = request;
	let hash: Hash | undefined;
	let position = 0;
	let furthest = 0;
	let reached = 0;

	const restart = async (handle: FileHandle, size: number | undefined) => {
		await handle.truncate(0);
		hash = contentHash(etag, size);
		position = 0;
	};
	const resume = async (handle: FileHandle): Promise<string | undefined> => {
		const validator = await readFile(validatorFile, "utf8").catch(() => "");
		const there = (await handle.stat()).size;
		const usable =
			validator !== "" &&
			there > 0 &&
			file.size !== undefined &&
			there <= file.size;
		await (usable ? undefined : handle.truncate(0));
		hash = contentHash(etag, file.size);
		position = usable ? there : 0;
		if (usable && hash)
			for await (const chunk of createReadStream(incomplete, {
				end: there - 1,
			}))
				hash.update(chunk as Buffer);
		return usable ? validator : undefined;
	};

	const attempt = async () => {
		const handle = await open(incomplete, "a+").then(async (created) => {
			await created.close();
			return open(incomplete, "r+");
		});
		try {
			const validator = await resume(handle);
			onReceived?.(position);
			if (position === file.size) return;
			const stalled = new AbortController();
			const signals = [
				stalled.signal,
				...(request.signal ? [request.signal] : []),
			];
			let timer = setTimeout(() => stalled.abort(), stallAfter);
			try {
				const answer = await hubRequest(
					resolved,
					what,
					{ ...request, signal: AbortSignal.any(signals) },
					validator
						? { range: `bytes=${position}-`, "if-range": validator }
						: {},
				);
				const { response } = answer;
				if (answer.etag && answer.etag !== etag) {
					await response.body?.cancel();
					throw new UserError(
						`${what} has changed on the server while it was being fetched: run it again`,
					);
				}
				const total = contentTotal(response, position);
				if (total === "restart") {
					await response.body?.cancel();
					await restart(handle, file.size);
					await rm(validatorFile, { force: true });
					throw new TransientError("the server cannot continue the file");
				}
				const size = file.size ?? total;
				if (
					file.size !== undefined &&
					total !== undefined &&
					total !== file.size
				) {
					await response.body?.cancel();
					throw new UserError(
						`${what} should have ${file.size} bytes, but the server has ${total}`,
					);
				}
				if (response.status === 200) await restart(handle, size);
				await rememberValidator(response, validatorFile);
				for await (const chunk of response.body ?? []) {
					clearTimeout(timer);
					timer = setTimeout(() => stalled.abort(), stallAfter);
					if (size !== undefined && position + chunk.length > size)
						throw new UserError(
							`${what} should have ${size} bytes, but the server sends more`,
						);
					await handle.writev([chunk], position);
					hash?.update(chunk);
					position += chunk.length;
					onReceived?.(position);
				}
				if (size !== undefined && position < size)
					throw new TransientError("the connection ended too early");
				await handle.sync();
			} catch (error) {
				request.signal?.throwIfAborted();
				if (stalled.signal.aborted)
					throw new TransientError("the server sends nothing any more");
				throw isConnectionFault(error)
					? networkError(error, new URL(request.settings.endpoint))
					: error;
			} finally {
				clearTimeout(timer);
			}
		} finally {
			reached = position;
			await handle.close();
		}
	};
	await withRetries(what, request, attempt, () => {
		const further = reached > furthest;
		furthest = Math.max(furthest, reached);
		return further;
	});
	return hash?.digest("hex");
}

/** The content's whole length by the answer, undefined where it does not say, "restart" where it does not fit `position`. */
function contentTotal(
	response: Response,
	position: number,
): number | undefined | "restart" {
	if (response.status === 416) return "restart";
	if (response.status !== 206) {
		const length = response.headers.get("content-length");
		return length !== null && /^\d+$/.test(length) ? Number(length) : undefined;
	}
	const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(
		response.headers.get("content-range") ?? "",
	);
	if (!range || Number(range[1]) !== position) return "restart";
	return range[2] === "*" ? undefined : Number(range[2]);
}

/** Keeps the strong ETag under which the bytes came, without which they are not continued. */
async function rememberValidator(
	response: Response,
	validatorFile: string,
): Promise<void> {
	const etag = response.headers.get("etag") ?? "";
	if (/^"[\x21\x23-\x7e]*"$/.test(etag)) await writeFile(validatorFile, etag);
	else await rm(validatorFile, { force: true });
}

/** SHA-256, or SHA-1 as git computes it of a blob; undefined where the etag is neither. */
export function contentHash(
	etag: string,
	size: number | undefined,
): Hash | undefined {
	if (/^[0-9a-f]{64}$/.test(etag)) return createHash("sha256");
	if (/^[0-9a-f]{40}$/.test(etag) && size !== undefined)
		return createHash("sha1").update(`blob ${size}\0`);
	return undefined;
}

/** Whether an error is of the connection (fetch's body), not of the disk. */
function isConnectionFault(error: unknown): boolean {
	if (!(error instanceof Error)) return false;
	if (error instanceof UserError || error instanceof TransientError)
		return false;
	const { syscall } = error as NodeJS.ErrnoException;
	return (
		error instanceof TypeError ||
		(syscall === undefined && "cause" in error) ||
		(syscall === "read" &&
			/ECONN|EPIPE|ETIMEDOUT/.test((error as NodeJS.ErrnoException).code ?? ""))
	);
}

async function sizeOf(path: string): Promise<number | undefined> {
	return stat(path).then(
		(status) => status.size,
		() => undefined,
	);
}
