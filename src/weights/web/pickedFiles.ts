import { UserError } from "../../errors/userError.js";
import type { WebModelSource } from "./modelSource.js";

/** What a user picked: one checkpoint, or the files of a folder by their paths in it. */
export type Picked =
	| { readonly single: File }
	| { readonly label: string; readonly files: ReadonlyMap<string, Blob> };

/**
 * The files behind what a user picked.
 * @throws UserError when there is no file.
 */
export async function pickedFiles(
	source: Exclude<WebModelSource, string>,
): Promise<Picked> {
	if (source instanceof File) return { single: source };
	if (source instanceof Map) return pickedFolder([...source]);
	if ("kind" in source) {
		if (source.kind === "file") return { single: await source.getFile() };
		const files = new Map<string, File>();
		await collect(source as FileSystemDirectoryHandle, "", files, 1);
		return { label: source.name, files };
	}
	const files = source as readonly File[];
	const [first, second] = files;
	if (!first)
		throw new UserError("no file was picked: pick a model's folder or file", {
			code: "usage",
		});
	if (!second && !first.webkitRelativePath) return { single: first };
	if (files.every(({ webkitRelativePath }) => !webkitRelativePath))
		throw new UserError(
			"these files do not tell their places in their folder any more, as files that were sent to a worker: send new Map([...input.files].map((file) => [file.webkitRelativePath, file]))",
			{ code: "usage" },
		);
	return pickedFolder(
		files.map((file) => [file.webkitRelativePath || file.name, file]),
	);
}

/** Files by their paths; the folder that all of them are in, as the one that was picked, stands in front and is taken away. */
function pickedFolder(entries: readonly (readonly [string, Blob])[]): Picked {
	const [label] = entries[0]?.[0].split("/") ?? [""];
	const isFolder = entries.every(([path]) => path.startsWith(`${label}/`));
	return {
		label: (isFolder && label) || "the files picked",
		files: new Map(
			isFolder
				? entries.map(([path, file]) => [path.slice(label.length + 1), file])
				: entries,
		),
	};
}

async function collect(
	folder: FileSystemDirectoryHandle,
	prefix: string,
	files: Map<string, File>,
	depth: number,
): Promise<void> {
	for await (const entry of folder.values())
		if (entry.kind === "file")
			files.set(
				prefix + entry.name,
				await (entry as FileSystemFileHandle).getFile(),
			);
		else if (depth > 0)
			await collect(
				entry as FileSystemDirectoryHandle,
				`${prefix}${entry.name}/`,
				files,
				depth - 1,
			);
}

/**
 * What was dropped on a page, for `loadPipeline`: to be called in the event's handler, where alone it can be asked.
 * @throws UserError when nothing was dropped that is a file or a folder.
 */
export async function droppedModel(
	data: DataTransfer,
): Promise<
	| File
	| ReadonlyMap<string, File>
	| FileSystemDirectoryHandle
	| FileSystemFileHandle
> {
	// all of it at once: after the first wait the browser tells nothing any more
	const [item] = data.items as Iterable<DroppedItem>;
	const [file] = data.files;
	const entry = item?.webkitGetAsEntry?.();
	const handle = await item?.getAsFileSystemHandle?.();
	if (handle) return handle as FileSystemDirectoryHandle | FileSystemFileHandle;
	// browsers without such handles: Firefox, Safari
	if (entry?.isDirectory)
		return filesBelow(entry as FileSystemDirectoryEntry, entry.name, 1);
	if (file?.size) return file;
	throw new UserError(
		"what was dropped is no file or folder of a model; pick it with a file field instead",
		{ code: "usage" },
	);
}

type DroppedItem = DataTransferItem & {
	getAsFileSystemHandle?(): Promise<FileSystemHandle | null>;
};

async function filesBelow(
	folder: FileSystemDirectoryEntry,
	path: string,
	depth: number,
): Promise<Map<string, File>> {
	const files = new Map<string, File>();
	const reader = folder.createReader();
	for (;;) {
		// some at a time, until there are none
		const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
			reader.readEntries(resolve, reject),
		);
		if (entries.length === 0) return files;
		for (const entry of entries) {
			const own = `${path}/${entry.name}`;
			if (entry.isFile)
				files.set(
					own,
					await new Promise<File>((resolve, reject) =>
						(entry as FileSystemFileEntry).file(resolve, reject),
					),
				);
			else if (depth > 0)
				for (const [name, file] of await filesBelow(
					entry as FileSystemDirectoryEntry,
					own,
					depth - 1,
				))
					files.set(name, file);
		}
	}
}
