import {
	type FileHandle,
	open,
	readFile,
	rename,
	rm,
	writeFile,
} from "node:fs/promises";
import { UserError } from "../errors/userError.js";
import { type DigestAlgorithm, digestFile } from "./nodeDigestFile.js";
import {
	networkError,
	type RetryOptions,
	TransientError,
	withRetries,
} from "./nodeRetries.js";

/** A file that comes over HTTP, and what it must be. */
export interface ReceivedFile {
	/** What errors call it. */
	readonly what: string;
	/** The server, for errors. */
	readonly host: string;
	/** Its name once it is whole and right. */
	readonly path: string;
	/** Where it grows meanwhile. A broken download is taken up again from there, also by a later call. */
	readonly part: string;
	/** Bytes. */
	readonly size?: number;
	/** Digest of the content, or the beginning of it. */
	readonly checksum?: {
		readonly algorithm: DigestAlgorithm;
		readonly hex: string;
	};
	/**
	 * One request with these headers: answers of status 200, 206 and 416.
	 * @throws TransientError for faults that may pass, UserError for those that stay.
	 */
	request(
		headers: Readonly<Record<string, string>>,
		signal: AbortSignal,
	): Promise<Response>;
}

export interface ReceiveOptions extends RetryOptions {
	/** Called with the bytes that are there (fewer when it has to start again) and the bytes in all, where known. */
	readonly onReceived?: (received: number, total: number | undefined) => void;
}

/** A connection that gives nothing for this long is cut and tried anew. */
const stallAfter = 60_000;

/**
 * Receives a file. What has come is continued under the same validator (Range with If-Range: a strong ETag, else the date),
 * else from the start. Size and checksum are those of what lies on disk at the end; only a file with the right ones gets its
 * name. One of another content is fetched once more.
 * @throws UserError when the server refuses, the content is wrong twice or the network stays away; the signal's reason when
 * it is aborted; errors of the file system as they are.
 */
export async function receiveFile(
	file: ReceivedFile,
	options: ReceiveOptions = {},
): Promise<void> {
	const { what, host, path, part, checksum } = file;
	for (let second = false; ; second = true) {
		const state = { position: 0 };
		let furthest = 0;
		await withRetries(
			what,
			options,
			() => receive(file, state, options),
			() => {
				const further = state.position > furthest;
				furthest = Math.max(furthest, state.position);
				return further;
			},
		);
		const digest =
			checksum && (await digestFile(part, checksum.algorithm, options));
		if (!checksum || digest?.startsWith(checksum.hex)) {
			await rename(part, path);
			await rm(validatorOf(part), { force: true });
			return;
		}
		await rm(part, { force: true });
		await rm(validatorOf(part), { force: true });
		if (second)
			throw new UserError(
				`${what} came with other content than it should have (checksum ${digest?.slice(0, 12)}…, not ${checksum.hex.slice(0, 12)}…), twice: ${host}, something on the way or the disk changes it`,
				{ code: "invalid_input" },
			);
	}
}

const validatorOf = (part: string) => `${part}.etag`;

/** One request, from where the part ends. */
async function receive(
	file: ReceivedFile,
	state: { position: number },
	{ signal, onReceived }: ReceiveOptions,
): Promise<void> {
	const { what, host, part } = file;
	await (await open(part, "a")).close();
	await using handle = await open(part, "r+");
	const validator = await readFile(validatorOf(part), "utf8").catch(() => "");
	const there = (await handle.stat()).size;
	const restart = async () => {
		await handle.truncate(0);
		state.position = 0;
	};
	if (validator === "" || there > (file.size ?? there)) await restart();
	else state.position = there;
	onReceived?.(state.position, file.size);
	if (state.position === file.size) return;

	const stalled = new AbortController();
	const signals = [stalled.signal, ...(signal ? [signal] : [])];
	let timer = setTimeout(() => stalled.abort(), stallAfter);
	try {
		const response = await file.request(
			state.position > 0
				? { range: `bytes=${state.position}-`, "if-range": validator }
				: {},
			AbortSignal.any(signals),
		);
		const total = contentTotal(response, state.position);
		if (total === "restart") {
			await response.body?.cancel();
			await rm(validatorOf(part), { force: true });
			throw new TransientError(`${host} cannot continue the file`);
		}
		const size = file.size ?? total;
		if (total !== undefined && total !== size) {
			await response.body?.cancel();
			throw new UserError(
				`${what} should have ${size} bytes, but the server has ${total} (${host})`,
				{ code: "invalid_input" },
			);
		}
		if (response.status === 200) await restart();
		await rememberValidator(response, validatorOf(part));
		for await (const chunk of response.body ?? []) {
			clearTimeout(timer);
			timer = setTimeout(() => stalled.abort(), stallAfter);
			if (size !== undefined && state.position + chunk.length > size)
				throw new UserError(
					`${what} should have ${size} bytes, but ${host} sends more`,
					{ code: "invalid_input" },
				);
			await writeAll(handle, chunk, state.position);
			state.position += chunk.length;
			onReceived?.(state.position, size);
		}
		if (size !== undefined && state.position < size)
			throw new TransientError(
				`the connection to ${host} ended after ${state.position} of ${size} bytes`,
			);
		await handle.sync();
	} catch (error) {
		signal?.throwIfAborted();
		if (stalled.signal.aborted)
			throw new TransientError(`${host} sends nothing any more`);
		throw isConnectionFault(error) ? networkError(error, host) : error;
	} finally {
		clearTimeout(timer);
	}
}

/** A write may take a part of what it is given, on a disk that gets full or over a network. */
async function writeAll(
	handle: FileHandle,
	bytes: Uint8Array,
	position: number,
): Promise<void> {
	for (let done = 0; done < bytes.length; ) {
		const { bytesWritten } = await handle.write(
			bytes,
			done,
			bytes.length - done,
			position + done,
		);
		if (bytesWritten === 0) throw new Error("nothing can be written any more");
		done += bytesWritten;
	}
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

/** Keeps what the same bytes can be asked for by: a strong ETag, or else the date. */
async function rememberValidator(
	response: Response,
	path: string,
): Promise<void> {
	const etag = response.headers.get("etag");
	const strong = /^"[\x21\x23-\x7e]*"$/.test(etag ?? "");
	const validator = strong
		? etag
		: etag
			? null
			: response.headers.get("last-modified");
	if (validator) await writeFile(path, validator);
	else await rm(path, { force: true });
}

/** Whether an error is of the connection (fetch's body), not of the disk. */
function isConnectionFault(error: unknown): boolean {
	if (!(error instanceof Error)) return false;
	if (error instanceof UserError || error instanceof TransientError)
		return false;
	const { syscall, code } = error as NodeJS.ErrnoException;
	return (
		error instanceof TypeError ||
		(syscall === undefined && "cause" in error) ||
		(syscall === "read" && /ECONN|EPIPE|ETIMEDOUT/.test(code ?? ""))
	);
}
