import { Worker } from "node:worker_threads";
import type { Graph } from "../../graph/graph.js";
import {
	atAddresses,
	fileBytes,
	pathsOnDisk,
	placedAt,
} from "../nodeGraphFiles.js";
import { sessionError } from "../sessionError.js";
import { mainLine, type OpenVinoLibrary, type Pointer } from "./nodeLibrary.js";
import { type MappedFile, mapFile } from "./nodeMappedFile.js";

/** Reads a graph as OpenVINO's model, as often as it is compiled anew. */
export interface ModelReader {
	/** A model; the caller frees it. @throws Error with OpenVINO's message when it cannot be read. */
	read(): Promise<Pointer>;
	/** Of all weight files. */
	readonly bytes: number;
	/** Gives memory back, once nothing made of the models is left. */
	release(): void;
}

/**
 * Weights that are on disk are mapped from their files by OpenVINO. Where some are in memory, or the system lets no thread have a current
 * folder of its own, OpenVINO is given addresses, and copies what lies there.
 * @throws UserError when a weight file cannot be read.
 */
export async function modelReader(
	library: OpenVinoLibrary,
	core: Pointer,
	graph: Graph,
): Promise<ModelReader> {
	const paths = await pathsOnDisk(graph);
	let bytes = 0;
	for (const file of graph.files.values())
		bytes +=
			"path" in file
				? file.size
				: "bytes" in file
					? file.bytes.length
					: file.blob.size;
	let byPath =
		process.platform !== "win32" && paths.size === graph.files.size
			? graph.model(placedAt(paths))
			: undefined;
	let addressed: Promise<Addressed> | undefined;
	const failed = (cause: unknown) =>
		sessionError(cause, `${graph.label}: cannot be loaded`);
	return {
		bytes,
		async read() {
			if (byPath) {
				const answer = await readInThread(library, core, byPath);
				if ("model" in answer) return answer.model;
				if ("error" in answer) throw failed(new Error(mainLine(answer.error)));
				byPath = undefined;
			}
			addressed ??= atItsAddresses(library, graph, paths);
			const { model } = await addressed;
			return library
				.madeAsync(
					"ov_core_read_model_from_memory_buffer",
					core,
					model,
					model.length,
					0n,
				)
				.catch((cause: unknown) => {
					throw failed(cause);
				});
		},
		release() {
			void addressed?.then(({ unmap }) => unmap()).catch(() => undefined);
			addressed = undefined;
		},
	};
}

type Answer =
	| { readonly model: Pointer }
	| { readonly error: string }
	| { readonly refused: true };

function readInThread(
	{ path }: OpenVinoLibrary,
	core: Pointer,
	model: Uint8Array,
): Promise<Answer> {
	return new Promise((resolve, reject) => {
		const thread = new Worker(
			new URL("./nodeReadModelThread.js", import.meta.url),
			{ workerData: { path, core, model }, execArgv: [] },
		);
		thread.once("message", resolve);
		thread.once("error", reject);
		thread.once("exit", () => resolve({ refused: true }));
	});
}

interface Addressed {
	readonly model: Uint8Array;
	unmap(): void;
}

async function atItsAddresses(
	library: OpenVinoLibrary,
	graph: Graph,
	paths: ReadonlyMap<string, string>,
): Promise<Addressed> {
	const begins = new Map<string, Pointer>();
	const files: MappedFile[] = [];
	const inMemory: Uint8Array[] = [];
	const unmap = () => {
		for (const file of files) file.unmap();
		inMemory.length = 0;
	};
	try {
		for (const [key, file] of graph.files) {
			const path = paths.get(key);
			if (path !== undefined) {
				const onDisk = await mapFile(path);
				files.push(onDisk);
				begins.set(key, onDisk.address);
			} else {
				const content = await fileBytes(file);
				inMemory.push(content);
				begins.set(key, library.address(content));
			}
		}
		return { model: graph.model(atAddresses(begins)), unmap };
	} catch (cause) {
		unmap();
		throw cause;
	}
}
