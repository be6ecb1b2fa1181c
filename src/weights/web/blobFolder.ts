import { UserError } from "../../errors/userError.js";
import { type ModelFolder, maxTextLength } from "../formats/modelFolder.js";
import { blobFile } from "../formats/weightFile.js";
import { keyOf } from "./remoteFile.js";

/** How a file of a folder is called in messages; addresses of folders end with a slash. */
export function pathIn(label: string, path: string): string {
	return `${label.replace(/\/$/, "")}/${path}`;
}

/** A model folder whose files are Blobs, by their paths in it: of which only the parts that are wanted are read. */
export function blobFolder(
	label: string,
	files: ReadonlyMap<string, Blob>,
): ModelFolder {
	const at = (path: string) => {
		const blob = files.get(path);
		if (blob) return blob;
		throw new UserError(`${pathIn(label, path)} is missing`, {
			code: "not_found",
		});
	};
	return {
		label,
		paths: new Set(files.keys()),
		async readText(path) {
			const blob = at(path);
			if (blob.size > maxTextLength)
				throw new UserError(
					`${pathIn(label, path)} is ${blob.size} bytes long: too long for a text of a model`,
				);
			return blob.text();
		},
		open: async (path) => blobFile(pathIn(label, path), keyOf(path), at(path)),
	};
}
