import { sum } from "../../tensor/sum.js";
import type { DownloadProgress } from "../folder/modelFiles.js";
import { progressOfFiles } from "../folder/progressOfFiles.js";
import type { ModelShelf, StoredFile } from "./modelShelf.js";
import {
	type FetchOptions,
	fetchToShelf,
	type RemoteFile,
} from "./remoteFile.js";

/** How files are fetched. */
export interface FetchFilesOptions extends FetchOptions {
	readonly onProgress?: (progress: DownloadProgress) => void;
}

/** Fetches files into a shelf; their contents by their paths. */
export async function fetchFiles(
	name: string,
	files: readonly RemoteFile[],
	shelf: ModelShelf,
	options: FetchFilesOptions,
): Promise<Map<string, Blob>> {
	const stored: StoredFile[] = files.map(({ path, size = 0, sha256 }) => ({
		path,
		size,
		sha256,
	}));
	const manifest = { version: 1, name } as const;
	const before = (await shelf.described())?.files ?? [];
	// what an earlier fetch left goes on only where a checksum says that it is of the same content
	for (const [i, { path, sha256 }] of before.entries())
		if (!sha256 || path !== stored[i]?.path || sha256 !== stored[i].sha256)
			await shelf.drop(i);
	await shelf.describe({ ...manifest, files: stored, complete: false });
	const blobs = new Map<string, Blob>();
	const none = files.map(() => 0);
	const tell = progressOfFiles(files, none, bytesOf(files), options.onProgress);
	for (const [index, file] of files.entries()) {
		const { blob, sha256 } = await fetchToShelf(
			file,
			index,
			shelf,
			options,
			(bytes) => tell(index, bytes),
		);
		blobs.set(file.path, blob);
		stored[index] = { path: file.path, size: blob.size, sha256 };
	}
	await shelf.describe({ ...manifest, files: stored, complete: true });
	return blobs;
}

/** Bytes of the files whose size is known. */
export function bytesOf(files: readonly RemoteFile[]): number {
	return sum(files.map(({ size = 0 }) => size));
}
