import { open, stat } from "node:fs/promises";
import { UserError } from "../errors/userError.js";
import { reasonOf } from "./fileFault.js";

/** What errors call a file, and whether a missing one is an error. */
export interface ReadOptions {
	/** "--latents x.npy"; the path by default. */
	readonly label?: string;
}

/**
 * The bytes of a file that somebody named. Folders, pipes, sockets and devices (/dev/zero never ends) are refused, and so
 * is a file of more than `limit` bytes, before anything of it is read.
 * @throws UserError, one line that names the file.
 */
export async function readRegularFile(
	path: string,
	limit: number,
	{ label = path }: ReadOptions = {},
): Promise<Uint8Array> {
	const tooLong = () =>
		new UserError(
			`${label} is longer than the ${limit} bytes that such a file may have`,
			{ code: "invalid_input" },
		);
	try {
		// Before opening: that of a pipe would wait for somebody to write.
		const status = await stat(path);
		if (!status.isFile())
			throw new UserError(
				`${label} cannot be read: it is ${status.isDirectory() ? "a folder" : "a device or pipe"}, not a file`,
				{ code: "invalid_input" },
			);
		if (status.size > limit) throw tooLong();
		await using file = await open(path);
		// The size of a file in /proc is 0, and others may grow.
		const pieces: Uint8Array[] = [];
		let total = 0;
		for (;;) {
			const piece = new Uint8Array(
				Math.min(limit + 1 - total, Math.max(status.size - total, 65_536)),
			);
			const { bytesRead } = await file.read(piece, 0, piece.length, total);
			if (bytesRead === 0) break;
			pieces.push(piece.subarray(0, bytesRead));
			total += bytesRead;
			if (total > limit) throw tooLong();
		}
		return pieces.length === 1
			? pieces[0]
			: new Uint8Array(Buffer.concat(pieces));
	} catch (cause) {
		if (cause instanceof UserError) throw cause;
		throw (cause as NodeJS.ErrnoException).code === "ENOENT"
			? new UserError(`${label} does not exist`, { cause, code: "not_found" })
			: new UserError(`${label} cannot be read: ${reasonOf(cause)}`, {
					cause,
					code: "invalid_input",
				});
	}
}

/** The same as text (UTF-8; a byte order mark is skipped). */
export async function readRegularText(
	path: string,
	limit: number,
	options: ReadOptions = {},
): Promise<string> {
	return new TextDecoder().decode(await readRegularFile(path, limit, options));
}

/** Longest text (a config, captions, a plan) that is read: 256 MiB. */
export const longestText = 256 * 2 ** 20;
