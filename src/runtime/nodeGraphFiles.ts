import { open, realpath } from "node:fs/promises";
import { UserError } from "../errors/userError.js";
import type { Graph, PlaceData } from "../graph/graph.js";
import type { WeightFile } from "../weights/formats/weights.js";

/**
 * Where those weight files of a graph lie that are on disk, links resolved, by their keys.
 * @throws UserError when one cannot be found.
 */
export async function pathsOnDisk({
	files,
}: Graph): Promise<Map<string, string>> {
	const paths = new Map<string, string>();
	for (const [key, file] of files)
		if ("path" in file) paths.set(key, await resolved(file.path));
	return paths;
}

/** Data in files that are elsewhere: their new locations by their keys. */
export const placedAt =
	(locations: ReadonlyMap<string, string>): PlaceData =>
	(file, offset) => ({ location: locations.get(file) ?? file, offset });

/** The location by which ONNX Runtime's own engines say that data lies in memory, at the address that is its offset. */
const IN_MEMORY = "*/_ORT_MEM_ADDR_/*";

/** Data in memory: each file begins at an address. */
export const atAddresses =
	(begins: ReadonlyMap<string, bigint>): PlaceData =>
	(file, offset) => {
		const begin = begins.get(file);
		return begin === undefined
			? { location: file, offset }
			: { location: IN_MEMORY, offset: begin + offset };
	};

async function resolved(path: string): Promise<string> {
	try {
		return await realpath(path);
	} catch (cause) {
		throw unreadable(path, cause);
	}
}

/**
 * A whole weight file. fs.readFile stops at 2 GiB, so it is read in pieces.
 * @throws UserError when it cannot be read.
 */
export async function fileBytes(file: WeightFile): Promise<Uint8Array> {
	if ("bytes" in file) return file.bytes;
	if ("blob" in file) return new Uint8Array(await file.blob.arrayBuffer());
	const piece = 1 << 28;
	try {
		await using handle = await open(file.path);
		const bytes = new Uint8Array((await handle.stat()).size);
		for (let at = 0; at < bytes.length; ) {
			const { bytesRead } = await handle.read(
				bytes,
				at,
				Math.min(piece, bytes.length - at),
				at,
			);
			if (bytesRead === 0) throw new Error("the file became shorter");
			at += bytesRead;
		}
		return bytes;
	} catch (cause) {
		throw unreadable(file.path, cause);
	}
}

function unreadable(path: string, cause: unknown): UserError {
	const reason = cause instanceof Error ? cause.message : String(cause);
	return new UserError(`${path} cannot be read: ${reason}`, { cause });
}
