import { parse, relative, sep } from "node:path";
import type { Graph } from "../../graph/graph.js";
import { fileBytes, pathsOnDisk, placedAt } from "../nodeGraphFiles.js";

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
	const paths = await pathsOnDisk(graph);
	const folder = commonFolder([...paths.values()]);
	if (paths.size < graph.files.size || folder === undefined)
		return {
			model: graph.model(),
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
	return { model: graph.model(placedAt(locations)), folder };
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
