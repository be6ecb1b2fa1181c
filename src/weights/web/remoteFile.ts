import { UserError } from "../../errors/userError.js";
import { sha256 } from "../../files/sha256.js";
import type { ReadableFile } from "../formats/weightFile.js";
import type { ModelShelf } from "./modelShelf.js";

/** A file that is to be fetched. */
export interface RemoteFile {
	/** In its model's folder. */
	readonly path: string;
	readonly url: string;
	/** Bytes, where the listing says. */
	readonly size?: number;
	/** What its content must hash to, in hexadecimal, where the listing says. */
	readonly sha256?: string;
	/** Sent to its server and to no other. */
	readonly headers?: Readonly<Record<string, string>>;
}

/** How files are fetched. */
export interface FetchOptions {
	readonly signal?: AbortSignal;
	readonly headers?: Readonly<Record<string, string>>;
	/** Milliseconds before the first repetition; each further one waits twice as long. Default 500. */
	readonly retryDelay?: number;
	readonly method?: "HEAD";
}

const RETRIES = 4;
/** A break costs at most this much. */
const PART = 2 ** 24;

/**
 * The answer to a request, of which the server may be asked for a part.
 * @throws UserError when the server cannot be reached, does not let this page read, or says no.
 */
export async function fetched(
	url: string,
	{ signal, headers = {}, method }: FetchOptions,
	from = 0,
	to?: number,
): Promise<Response> {
	const range: Record<string, string> =
		from > 0 || to !== undefined
			? { range: `bytes=${from}-${to === undefined ? "" : to - 1}` }
			: {};
	let response: Response;
	try {
		response = await fetch(url, {
			...(signal && { signal }),
			...(method && { method }),
			headers: { ...headers, ...range },
		});
	} catch (cause) {
		signal?.throwIfAborted();
		throw new Passing(unreachable(url), { cause });
	}
	if (response.ok) return response;
	await response.body?.cancel();
	const { status } = response;
	const what = `${url} answers ${status}`;
	if (status === 408 || status === 429 || status >= 500)
		throw new Passing(what);
	throw new UserError(
		status === 404
			? `${what}: there is no such file`
			: status === 401 || status === 403
				? `${what}: it is gated or private; accept its terms and give an access token (hubToken), or take another model`
				: what,
		{ code: status === 404 ? "not_found" : "network" },
	);
}

/** A fault that may pass. */
class Passing extends UserError {
	constructor(message: string, options: ErrorOptions = {}) {
		super(message, { code: "network", ...options });
	}
}

function unreachable(url: string): string {
	const { origin, host } = new URL(url, location.href);
	const elsewhere = origin !== location.origin;
	return `${url} cannot be fetched: ${
		navigator.onLine === false
			? "this browser is offline; models that are kept here work without network"
			: elsewhere
				? `${host} does not answer, or does not let pages of ${location.origin} read its files (CORS: it must send Access-Control-Allow-Origin); host the files beside the page, or pick them from the disk`
				: `${host} does not answer`
	}`;
}

/** Repeats what failed for a reason that may pass. */
export async function repeated<Result>(
	{ signal, retryDelay = 500 }: FetchOptions,
	attempt: () => Promise<Result>,
	progressed: () => boolean = () => false,
): Promise<Result> {
	for (let tries = 1; ; tries++)
		try {
			return await attempt();
		} catch (error) {
			signal?.throwIfAborted();
			if (progressed()) tries = 1;
			if (!(error instanceof Passing) || tries > RETRIES) throw error;
			await new Promise((resolve) =>
				setTimeout(resolve, retryDelay * 2 ** (tries - 1)),
			);
		}
}

/** A file on a server, of which parts are read: by ranges where the server has them, else from its start up to what is wanted. */
export function remoteReadable(
	file: RemoteFile,
	label: string,
	size: number,
	options: FetchOptions,
): ReadableFile {
	return {
		label,
		key: keyOf(file.path),
		// nothing of it is here yet
		file: { bytes: new Uint8Array(0) },
		size,
		read: (offset, length) =>
			repeated(options, async () => {
				const response = await fetched(
					file.url,
					{ ...options, headers: file.headers },
					offset,
					Math.min(offset + length, size),
				);
				const skip = response.status === 206 ? 0 : offset;
				return startOf(response, skip, Math.min(length, size - offset));
			}),
	};
}

/** What `Weights.files` calls a file of a model's folder. */
export function keyOf(path: string): string {
	return path.replaceAll("/", "-");
}

async function startOf(
	response: Response,
	skip: number,
	length: number,
): Promise<Uint8Array> {
	const result = new Uint8Array(length);
	let at = -skip;
	const reader = bodyOf(response).getReader();
	while (at < length) {
		const { done, value } = await reader.read().catch(cutOff(response));
		if (done) break;
		if (at + value.length > 0) {
			const useful = value.subarray(Math.max(0, -at));
			const start = Math.max(0, at);
			result.set(useful.subarray(0, length - start), start);
		}
		at += value.length;
	}
	await reader.cancel().catch(() => undefined);
	return result.subarray(0, Math.max(0, Math.min(length, at)));
}

/** Files with the size of each, where their servers tell. */
export function withSizes(
	files: readonly RemoteFile[],
	options: FetchOptions,
): Promise<RemoteFile[]> {
	return Promise.all(
		files.map(async (file) => {
			const size = file.size ?? (await sizeOf(file, options));
			return size === undefined ? file : { ...file, size };
		}),
	);
}

/** How many bytes a file has: as its head says, else by asking for its first byte. */
async function sizeOf(
	{ url, headers: own }: RemoteFile,
	options: FetchOptions,
): Promise<number | undefined> {
	const asked = { ...options, headers: own };
	const told = await fetched(url, { ...asked, method: "HEAD" }).then(
		({ headers }) => lengthIn(headers),
		() => options.signal?.throwIfAborted(),
	);
	if (told !== undefined) return told;
	const response = await repeated(options, () => fetched(url, asked, 0, 1));
	await response.body?.cancel();
	const { headers, status } = response;
	return status === 206
		? whole(headers.get("content-range")?.split("/")[1])
		: lengthIn(headers);
}

/** Of what is compressed on its way the length says nothing. */
function lengthIn(headers: Headers): number | undefined {
	return headers.get("content-encoding")
		? undefined
		: whole(headers.get("content-length"));
}

function whole(size: string | null | undefined): number | undefined {
	return size && /^\d+$/.test(size) ? Number(size) : undefined;
}

/**
 * Fetches a file into a shelf, from where an earlier fetch of it broke off, and compares its checksum.
 * @param received told the bytes that are there, as often as some come
 * @returns its content, and the checksum of it where one is known or it is kept
 * @throws UserError when the server fails, there is no room, or the content is another than it must be.
 */
export async function fetchToShelf(
	file: RemoteFile,
	index: number,
	shelf: ModelShelf,
	options: FetchOptions,
	received: (bytes: number) => void,
): Promise<{ readonly blob: Blob; readonly sha256?: string }> {
	let furthest = 0;
	let before = 0;
	await repeated(
		options,
		async () => {
			before = furthest;
			const have = await shelf.parts(index);
			let length = have.reduce((sum, { size }) => sum + size, 0);
			received(length);
			if (file.size !== undefined && length >= file.size) return;
			const response = await fetched(
				file.url,
				{ ...options, headers: file.headers },
				length,
			);
			if (length > 0 && response.status !== 206) {
				await shelf.drop(index);
				have.length = 0;
				length = 0;
			}
			let part = have.length;
			let pending: Uint8Array[] = [];
			let waiting = 0;
			const put = async () => {
				await shelf.add(index, part++, joined(pending, waiting));
				pending = [];
				waiting = 0;
			};
			const reader = bodyOf(response).getReader();
			for (;;) {
				const { done, value } = await reader.read().catch(async (error) => {
					if (waiting > 0) await put();
					return cutOff(response)(error);
				});
				if (done) break;
				pending.push(value);
				waiting += value.length;
				length += value.length;
				furthest = Math.max(furthest, length);
				received(length);
				if (waiting >= PART) await put();
			}
			if (waiting > 0) await put();
			if (file.size !== undefined && length < file.size)
				throw new Passing(`${file.url} was cut off`);
		},
		() => furthest > before,
	);
	const parts = await shelf.parts(index);
	const blob = new Blob(parts);
	// nothing to compare with, now or later
	if (file.sha256 === undefined && !shelf.lasting) return { blob };
	const digest = sha256();
	for (const part of parts)
		digest.update(new Uint8Array(await part.arrayBuffer()));
	const hash = digest.hex();
	if (file.sha256 !== undefined && hash !== file.sha256) {
		await shelf.drop(index);
		throw new UserError(
			`${file.url} came damaged (its checksum is ${hash.slice(0, 12)}…, not ${file.sha256.slice(0, 12)}…): load the model again`,
			{ code: "invalid_input" },
		);
	}
	return { blob, sha256: hash };
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
	const whole = new Uint8Array(length);
	let at = 0;
	for (const piece of pieces) {
		whole.set(piece, at);
		at += piece.length;
	}
	return whole;
}

function bodyOf({ body, url }: Response): ReadableStream<Uint8Array> {
	if (!body) throw new Passing(`${url} answers nothing`);
	return body;
}

/** The text of an answer; one that breaks off is worth another try. */
export const textOf = (response: Response): Promise<string> =>
	response.text().catch(cutOff(response));

const cutOff =
	({ url }: Response) =>
	(cause: unknown): never => {
		throw new Passing(`${url} was cut off`, { cause });
	};
