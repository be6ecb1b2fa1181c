import { stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors/userError.js";
import { reasonOf } from "../../files/fileFault.js";
import type { DigestAlgorithm } from "../../files/nodeDigestFile.js";
import { withFileLock } from "../../files/nodeFileLock.js";
import { makeFolder } from "../../files/nodeMakeFolder.js";
import { receiveFile } from "../../files/nodeReceiveFile.js";
import { withRetries } from "../../files/nodeRetries.js";
import type { HubFile } from "./hubFiles.js";
import { repoFolder } from "./nodeHubCache.js";
import { hubRequest, type RequestOptions } from "./nodeHubRequest.js";

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
 * The data go to `ETAG.fdiff.incomplete` and are continued and checked as `receiveFile` does, by the SHA-256 (large files) or
 * git's SHA-1 (small ones) that the name is. A lock keeps two processes from fetching the same file.
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
		await makeFolder(join(folder, "blobs"));
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
		throw new UserError(
			`${what}: ${new URL(request.settings.endpoint).host} gives it no usable ETag, and its list of files no checksum`,
			{ code: "network" },
		);
	return etag;
}

async function fetchBlob(
	request: BlobRequest,
	what: string,
	resolved: string,
	etag: string,
	blob: string,
): Promise<void> {
	const { file, onReceived, settings } = request;
	const algorithm = checksumOf(etag);
	await receiveFile(
		{
			what,
			host: new URL(settings.endpoint).host,
			path: blob,
			part: `${blob}.fdiff.incomplete`,
			...(file.size !== undefined && { size: file.size }),
			...(algorithm && { checksum: { algorithm, hex: etag } }),
			async request(headers, signal) {
				const answer = await hubRequest(
					resolved,
					what,
					{ ...request, signal },
					headers,
				);
				// Where the name is the content's checksum, mirrors may call the file what they like.
				if (!algorithm && answer.etag && answer.etag !== etag) {
					await answer.response.body?.cancel();
					throw new UserError(
						`${what} has changed on the server while it was being fetched: run it again`,
						{ code: "network" },
					);
				}
				return answer.response;
			},
		},
		{ ...request, ...(onReceived && { onReceived }) },
	);
}

/** What the name of a blob is a checksum by: large files' SHA-256, small ones' as git computes it; undefined where it is none. */
export function checksumOf(etag: string): DigestAlgorithm | undefined {
	if (/^[0-9a-f]{64}$/.test(etag)) return "sha256";
	return /^[0-9a-f]{40}$/.test(etag) ? "git-sha1" : undefined;
}

async function sizeOf(path: string): Promise<number | undefined> {
	return stat(path).then(
		(status) => status.size,
		() => undefined,
	);
}
