import { open, realpath } from "node:fs/promises";
import { parse, relative, sep } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { UserError } from "../../errors/userError.js";
import type { Graph } from "../../graph/graph.js";
import type { WeightFile } from "../../weights/formats/weights.js";

/** How a session finds the weights of a model: mapped from files below `folder`, or as bytes. */
export interface WeightAccess {
	readonly model: Uint8Array;
	readonly folder?: string;
	readonly bytes?: readonly { path: string; data: Uint8Array }[];
}

/**
 * The weights of a graph, so that ONNX Runtime can map them from disk: by paths relative to the folder that holds them all, with links
 * resolved (it refuses what a link leads out of the folder, which in the Hub's cache is every file). Where that cannot be, because some are
 * in memory or on another drive, the files are read.
 * @throws UserError when a file cannot be read.
 */
export async function weightAccess(graph: Graph): Promise<WeightAccess> {
	const paths = new Map<string, string>();
	for (const [key, file] of graph.files)
		if ("path" in file) paths.set(key, await resolved(file.path));
	const folder = commonFolder([...paths.values()]);
	if (paths.size < graph.files.size || folder === undefined)
		return {
			model: graph.model,
			bytes: await Promise.all(
				[...graph.files].map(async ([path, file]) => ({
					path,
					data: await fileBytes(file),
				})),
			),
		};
	const locations = new Map(
		[...paths].map(([key, path]) => [
			key,
			relative(folder, path).split(sep).join("/"),
		]),
	);
	return { model: relocated(graph.model, locations), folder };
}

/** The folder that holds all these files, at any depth; undefined when they are on several drives. */
function commonFolder(paths: readonly string[]): string | undefined {
	if (paths.length === 0) return undefined;
	const { root } = parse(paths[0]);
	if (paths.some((path) => parse(path).root !== root)) return undefined;
	const folders = paths.map((path) =>
		path.slice(root.length).split(sep).slice(0, -1),
	);
	let shared = folders[0].length;
	for (const folder of folders)
		for (let i = 0; i < shared; i++)
			if (folder[i] !== folders[0][i]) shared = i;
	return root + folders[0].slice(0, shared).join(sep);
}

/** The model with other external data locations. */
function relocated(
	model: Uint8Array,
	locations: ReadonlyMap<string, string>,
): Uint8Array {
	if ([...locations].every(([from, to]) => from === to)) return model;
	const proto = fromBinary(ModelProtoSchema, model);
	for (const { externalData } of proto.graph?.initializer ?? [])
		for (const entry of externalData)
			if (entry.key === "location")
				entry.value = locations.get(entry.value) ?? entry.value;
	return toBinary(ModelProtoSchema, proto);
}

async function resolved(path: string): Promise<string> {
	try {
		return await realpath(path);
	} catch (cause) {
		throw unreadable(path, cause);
	}
}

/** fs.readFile stops at 2 GiB, so the file is read in pieces. */
async function fileBytes(file: WeightFile): Promise<Uint8Array> {
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
