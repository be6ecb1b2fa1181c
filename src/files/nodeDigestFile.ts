import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";

/** "git-sha1" is the name that git gives a blob: SHA-1 over its length and its content. */
export type DigestAlgorithm = "md5" | "sha256" | "git-sha1";

/** The digest of a file's content as it lies on disk, in hexadecimal digits. */
export async function digestFile(
	path: string,
	algorithm: DigestAlgorithm,
	{
		signal,
		onBytes = () => undefined,
	}: {
		readonly signal?: AbortSignal;
		/** Called with the length of each piece that was read. */
		readonly onBytes?: (length: number) => void;
	} = {},
): Promise<string> {
	const hash =
		algorithm === "git-sha1"
			? createHash("sha1").update(`blob ${(await stat(path)).size}\0`)
			: createHash(algorithm);
	const stream = createReadStream(path, {
		highWaterMark: 2 ** 20,
		...(signal && { signal }),
	});
	try {
		for await (const chunk of stream) {
			hash.update(chunk as Buffer);
			onBytes((chunk as Buffer).length);
		}
	} catch (error) {
		signal?.throwIfAborted();
		throw error;
	}
	return hash.digest("hex");
}
