import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../errors/userError.js";
import { type DigestAlgorithm, digestFile } from "./nodeDigestFile.js";
import { withFileLock } from "./nodeFileLock.js";
import { makeFolder } from "./nodeMakeFolder.js";
import { receiveFile } from "./nodeReceiveFile.js";
import { networkError, TransientError } from "./nodeRetries.js";

/** A file to fetch, and what it must be. */
export interface Download {
	readonly url: string;
	readonly path: string;
	/** Bytes. */
	readonly size?: number;
	/** Hex digest, or the beginning of one. */
	readonly checksum?: {
		readonly algorithm: DigestAlgorithm;
		readonly hex: string;
	};
}

export interface DownloadOptions {
	readonly signal?: AbortSignal;
	/** Called with the bytes that are there and the bytes in all, where known. */
	readonly onProgress?: (received: number, total: number | undefined) => void;
	/** See `RetryOptions`. */
	readonly retries?: number;
	readonly retryDelay?: number;
}

/**
 * Fetches a file over HTTP (see `receiveFile`); what was received is kept in PATH.part. A file that is there and right is not
 * fetched. Of several processes that want the file, one fetches it.
 * @returns whether anything had to be fetched.
 * @throws UserError when the server refuses, the connection stays away or the file is not what it must be.
 */
export async function download(
	file: Download,
	{ onProgress, ...options }: DownloadOptions = {},
): Promise<boolean> {
	if (await isRight(file, options.signal)) return false;
	await makeFolder(dirname(file.path));
	return withFileLock(
		`${file.path}.lock`,
		async () => {
			if (await isRight(file, options.signal)) return false;
			const { host } = new URL(file.url);
			await receiveFile(
				{
					...file,
					what: file.url,
					host,
					part: `${file.path}.part`,
					request: (headers, signal) => request(file.url, headers, signal),
				},
				{ ...options, ...(onProgress && { onReceived: onProgress }) },
			);
			return true;
		},
		options.signal,
	);
}

async function request(
	url: string,
	headers: Readonly<Record<string, string>>,
	signal: AbortSignal,
): Promise<Response> {
	const response = await fetch(url, {
		signal,
		// Ranges and lengths are those of the file itself.
		headers: { ...headers, "accept-encoding": "identity" },
	}).catch((error: unknown) => {
		signal.throwIfAborted();
		throw networkError(error, new URL(url).host);
	});
	const { ok, status, statusText } = response;
	if (ok || status === 416) return response;
	await response.body?.cancel();
	const reason = `the server answers ${status} ${statusText}`;
	if (status >= 500 || status === 429 || status === 408)
		throw new TransientError(reason);
	throw new UserError(`${url} cannot be downloaded: ${reason}`, {
		code: status === 404 ? "not_found" : "network",
	});
}

/** Whether a file is there and has the size and checksum it must have; one without either is taken as it is. */
async function isRight(
	{ path, size, checksum }: Download,
	signal?: AbortSignal,
): Promise<boolean> {
	const status = await stat(path).catch(() => undefined);
	if (!status?.isFile() || (size !== undefined && status.size !== size))
		return false;
	if (!checksum) return true;
	const digest = await digestFile(path, checksum.algorithm, {
		...(signal && { signal }),
	});
	return digest.startsWith(checksum.hex);
}
