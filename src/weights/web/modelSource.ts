import { UserError } from "../../errors/userError.js";
import { parseHubId } from "../hub/hubId.js";

/**
 * What a model, or a part beside one, can be loaded from in a browser: an address of a diffusers folder or of a `.safetensors` file, a Hub
 * id (`owner/name[@revision]`), or what the user picked or dropped: a file, the files of a folder, a handle of either, or files by their paths
 * in their folder (which files lose on their way into a worker).
 */
export type WebModelSource =
	| string
	| File
	| readonly File[]
	| ReadonlyMap<string, Blob>
	| FileSystemFileHandle
	| FileSystemDirectoryHandle;

/** Where a source that is a text is. */
export type SourcePlace =
	| {
			readonly kind: "file" | "folder";
			readonly name: string;
			readonly url: string;
	  }
	| {
			readonly kind: "hub";
			readonly name: string;
			readonly repo: string;
			readonly revision: string;
			/** A file of the repository that is meant alone. */
			readonly file?: string;
	  };

/**
 * What a text means, without a request.
 * @param revision goes before the one in the text
 * @throws UserError when it is neither an address nor a Hub id
 */
export function sourcePlace(source: string, revision?: string): SourcePlace {
	if (/^https?:\/\/|^\.{0,2}\//.test(source)) {
		const url = new URL(source, location.href);
		const isFile = /\.safetensors$/i.test(url.pathname);
		if (!isFile && !url.pathname.endsWith("/")) url.pathname += "/";
		const { href } = url;
		return { kind: isFile ? "file" : "folder", name: href, url: href };
	}
	const [, repo, file] =
		/^([^/\s]+\/[^/\s]+)\/(.+\.safetensors)$/.exec(source) ?? [];
	const id = parseHubId(repo ?? source, revision);
	if (!id)
		throw new UserError(
			`"${source}" is no model: give an address (https://… or /…), a Hub id (owner/name), or a file or folder that the user picked`,
			{ code: "usage" },
		);
	const name = [id.repo, ...(id.revision === "main" ? [] : [id.revision])];
	return {
		kind: "hub",
		name: `${name.join("@")}${file ? `/${file}` : ""}`,
		...id,
		...(file && { file }),
	};
}

/** The last part of an address, as a file is called. */
export function fileNameOf(url: string): string {
	const { pathname } = new URL(url);
	return decodeURIComponent(pathname.slice(pathname.lastIndexOf("/") + 1));
}
