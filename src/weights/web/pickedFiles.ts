import { UserError } from "../../errors/userError.js";
import { type ModelFolder, maxTextLength } from "../formats/modelFolder.js";
import { blobFile } from "../formats/weightFile.js";
import { keyOf } from "./remoteFile.js";

/** A model folder whose files are Blobs, by their paths in it: of which only the parts that are wanted are read. */
export function blobFolder(
	label: string,
	files: ReadonlyMap<string, Blob>,
): ModelFolder {
	const at = (path: string) => {
		const blob = files.get(path);
		if (blob) return blob;
		throw new UserError(`${label}/${path} is missing`, { code: "not_found" });
	};
	return {
		label,
		paths: new Set(files.keys()),
		async readText(path) {
			const blob = at(path);
			if (blob.size > maxTextLength)
				throw new UserError(
					`${label}/${path} is ${blob.size} bytes long: too long for a text of a model`,
				);
			return blob.text();
		},
		open: async (path) => blobFile(`${label}/${path}`, keyOf(path), at(path)),
	};
}

/** What a user picked: one checkpoint, or the files of a folder by their paths in it. */
export type Picked =
	| { readonly single: File }
	| { readonly label: string; readonly files: ReadonlyMap<string, File> };

/**
 * The files behind what a user picked.
 * @throws UserError when there is no file.
 */
export async function pickedFiles(
	source:
		| File
		| readonly File[]
		| FileSystemFileHandle
		| FileSystemDirectoryHandle,
): Promise<Picked> {
	if (source instanceof File) return { single: source };
	if ("kind" in source) {
		if (source.kind === "file") return { single: await source.getFile() };
		const files = new Map<string, File>();
		await collect(source as FileSystemDirectoryHandle, "", files, 1);
		return { label: source.name, files };
	}
	const [first] = source;
	if (!first)
		throw new UserError("no file was picked: pick a model's folder or file", {
			code: "usage",
		});
	if (source.length === 1 && !first.webkitRelativePath)
		return { single: first };
	const [label] = first.webkitRelativePath.split("/");
	return {
		label: label || "the files picked",
		files: new Map(
			source.map((file) => [
				// the folder that was picked stands in front
				file.webkitRelativePath.split("/").slice(1).join("/") || file.name,
				file,
			]),
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
): Promise<File | FileSystemDirectoryHandle | FileSystemFileHandle> {
	const [item] = data.items;
	const handle = await (
		item as
			| { getAsFileSystemHandle?(): Promise<FileSystemHandle | null> }
			| undefined
	)?.getAsFileSystemHandle?.();
	if (handle) return handle as FileSystemDirectoryHandle | FileSystemFileHandle;
	const [file] = data.files;
	if (file?.size) return file;
	throw new UserError(
		"what was dropped is no file or folder of a model; pick it with a file field instead",
		{ code: "usage" },
	);
}
