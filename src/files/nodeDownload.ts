import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import {
	mkdir,
	open,
	readFile,
	rename,
	rm,
	stat,
	writeFile,
} from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { UserError } from "../errors/userError.js";
import { withFileLock } from "./nodeFileLock.js";

/** A file to fetch, and what it must be. */
export interface Download {
	readonly url: string;
	readonly path: string;
	/** Bytes. */
	readonly size?: number;
	/** Hex digest, or the beginning of one. */
	readonly checksum?: {
		readonly algorithm: "md5" | "sha256";
		readonly hex: string;
	};
}

export interface DownloadOptions {
	readonly signal?: AbortSignal;
	/** Called with the bytes that are there and the bytes in all, where known. */
	readonly onProgress?: (received: number, total: number | undefined) => void;
	/** How often a broken connection is taken up again. */
	readonly retries?: number;
	/** Milliseconds before the first retry; doubled each time. */
	readonly retryDelay?: number;
}

/**
 * Fetches a file over HTTP. What was received is kept in PATH.part and taken up again (also by a later call), if the
 * server still has the same file by its ETag or date; it gets its name only once size and checksum are right. A file
 * that is there and right is not fetched.
 * @returns whether anything had to be fetched.
 * @throws UserError when the server refuses, the connection stays away or the file is not what it must be.
 */
export async function download(
	file: Download,
	options: DownloadOptions = {},
): Promise<boolean> {
	if (await isRight(file.path, file)) return false;
	await mkdir(dirname(file.path), { recursive: true });
	// Of several processes that want the file, one fetches it.
	return withFileLock(
		`${file.path}.lock`,
		async () => {
			if (await isRight(file.path, file)) return false;
			await fetchWhole(file, options);
			return true;
		},
		options.signal,
	);
}

async function fetchWhole(
	file: Download,
	options: DownloadOptions,
): Promise<void> {
	const { retries = 4, retryDelay = 1000, signal } = options;
	const part = `${file.path}.part`;
	for (let attempt = 0; ; attempt++)
		try {
			await receive(file, part, options);
			break;
		} catch (error) {
			if (signal?.aborted || error instanceof UserError) throw error;
			if (attempt >= retries)
				throw new UserError(
					`${file.url} cannot be fetched: ${reasonOf(error)} (what arrived is kept; the same command goes on from there)`,
					{ cause: error },
				);
			await delay(
				retryDelay * 2 ** attempt,
				undefined,
				signal ? { signal } : {},
			);
		}
	if (!(await isRight(part, file))) {
		await rm(part, { force: true });
		await rm(`${part}.json`, { force: true });
		throw new UserError(
			`${file.url} is not the file that was expected (its size or checksum differs); it was removed, try again`,
		);
	}
	await rename(part, file.path);
	await rm(`${part}.json`, { force: true });
}

/** One request, from where the part ends. */
async function receive(
	file: Download,
	part: string,
	{ signal, onProgress }: DownloadOptions,
): Promise<void> {
	const validator = await readFile(`${part}.json`, "utf8").catch(() => "");
	let received = validator
		? await stat(part).then(
				({ size }) => size,
				() => 0,
			)
		: 0;
	if (file.size !== undefined && received === file.size) return;
	if (file.size !== undefined && received > file.size) received = 0;
	const response = await fetch(file.url, {
		...(signal ? { signal } : {}),
		headers:
			received > 0
				? { range: `bytes=${received}-`, "if-range": validator }
				: {},
	});
	if (response.status === 416) {
		// The part is longer than the file has become: begin again.
		await rm(part, { force: true });
		throw new Error("the server's file has changed");
	}
	if (!response.ok || !response.body) {
		await response.body?.cancel();
		const reason = `${file.url} cannot be fetched: the server answers ${response.status} ${response.statusText}`;
		if (response.status >= 500 || response.status === 429)
			throw new Error(reason);
		throw new UserError(reason);
	}
	const range = response.headers.get("content-range") ?? "";
	const resumed =
		response.status === 206 && range.startsWith(`bytes ${received}-`);
	if (response.status === 206 && !resumed) {
		await response.body.cancel();
		await rm(`${part}.json`, { force: true });
		throw new Error("the server sent another part than was asked for");
	}
	if (!resumed) received = 0;
	const length = Number(response.headers.get("content-length") ?? Number.NaN);
	const total =
		file.size ?? (Number.isFinite(length) ? received + length : undefined);
	// A weak ETag does not promise the same bytes.
	const etag = response.headers.get("etag");
	const strong =
		etag && !etag.startsWith("W/")
			? etag
			: response.headers.get("last-modified");
	await writeFile(`${part}.json`, strong ?? "");
	await using handle = await open(part, resumed ? "r+" : "w");
	for await (const chunk of response.body) {
		const bytes = chunk as Uint8Array;
		if (file.size !== undefined && received + bytes.length > file.size)
			throw new UserError(
				`${file.url} sends more than the ${file.size} bytes expected`,
			);
		await handle.write(bytes, 0, bytes.length, received);
		received += bytes.length;
		onProgress?.(received, total);
	}
	if (total !== undefined && received < total)
		throw new Error(`the connection broke after ${received} bytes`);
}

/** Whether a file is there and has the size and checksum it must have; one without either is taken as it is. */
async function isRight(
	path: string,
	{ size, checksum }: Download,
): Promise<boolean> {
	const status = await stat(path).catch(() => undefined);
	if (!status?.isFile() || (size !== undefined && status.size !== size))
		return false;
	if (!checksum) return true;
	const hash = createHash(checksum.algorithm);
	for await (const chunk of createReadStream(path)) hash.update(chunk);
	return hash.digest("hex").startsWith(checksum.hex);
}

/** The cause of a failed fetch says more than its own message. */
function reasonOf(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	return error.cause instanceof Error ? error.cause.message : error.message;
}
