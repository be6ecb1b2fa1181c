import { UserError } from "../../errors/userError.js";
import { foreignFile, headLength } from "../../files/foreignFile.js";
import { megabytes } from "../../files/megabytes.js";
import { sum } from "../../tensor/sum.js";
import { clipTokenizerFolder } from "../clipTokenizer.js";
import { openDiffusersFolder } from "../folder/diffusersFolder.js";
import type { DownloadProgress, ModelFiles } from "../folder/modelFiles.js";
import { progressOfFiles } from "../folder/progressOfFiles.js";
import type { ModelFolder } from "../formats/modelFolder.js";
import { blobFile, type ReadableFile } from "../formats/weightFile.js";
import { modelHash } from "../modelHash.js";
import { clipMergesUrl } from "./embeddedModel.js";
import {
	EMBEDDED,
	type RemoteModel,
	remoteModel,
	type SourceOptions,
	tokenHeader,
	type WebModelSource,
	withSizes,
} from "./modelSource.js";
import {
	type ModelShelf,
	memoryShelf,
	openShelf,
	removeModel,
	roomLeft,
	type StoredFile,
} from "./modelStore.js";
import { blobFolder, pickedFiles } from "./pickedFiles.js";
import {
	type FetchOptions,
	fetched,
	fetchToShelf,
	keyOf,
	remoteReadable,
	repeated,
} from "./remoteFile.js";

/** How a model is opened in a browser. */
export interface OpenWebModelOptions extends SourceOptions {
	/** Where CLIP's merges are, for checkpoints of one file. Default: where the bundler put them. */
	readonly clipMerges?: string;
	/** Whether what is fetched is kept for the next visit. Default true. */
	readonly keep?: boolean;
	readonly onProgress?: (progress: DownloadProgress) => void;
	/** Told what the user may want to know: that a model cannot be kept, and why. */
	readonly onNotice?: (message: string) => void;
	/** Looks at the model before its weights are fetched; throws where it cannot be used. */
	readonly check?: (files: Omit<ModelFiles, "hash">) => Promise<void> | void;
}

/** Texts at most this long are fetched to look at a model before its weights are. */
const SMALL = 2 ** 23;

/**
 * The files of a model from wherever a page can have it. What comes from a server is looked at first (configs, and the headers of its
 * weights), then fetched, compared with its checksums and kept; a model that is kept whole is opened without any request.
 * @throws UserError when it cannot be had, is malformed, or `check` refuses it.
 */
export async function openWebModel(
	source: WebModelSource | undefined,
	options: OpenWebModelOptions = {},
): Promise<ModelFiles> {
	const files =
		source === undefined || typeof source === "string"
			? await fetchedModel(source, options)
			: await pickedModel(source, options);
	return { ...files, hash: await modelHash(files.networks.unet.weights) };
}

async function pickedModel(
	source: Exclude<WebModelSource, string>,
	options: OpenWebModelOptions,
): Promise<Omit<ModelFiles, "hash">> {
	const picked = await pickedFiles(source);
	const files =
		"single" in picked
			? await checkpoint(
					blobFile(
						picked.single.name,
						keyOf(picked.single.name),
						picked.single,
					),
					options,
				)
			: await openDiffusersFolder(
					blobFolder(picked.label, picked.files),
					options,
				);
	await options.check?.(files);
	return files;
}

async function fetchedModel(
	source: string | undefined,
	options: OpenWebModelOptions,
): Promise<Omit<ModelFiles, "hash">> {
	const notice = options.onNotice ?? (() => undefined);
	const keptAs = source && nameOfSource(source, options);
	if (keptAs) {
		const kept = await keptModel(keptAs, options);
		if (kept) return kept;
	}
	const asked: FetchOptions = {
		...options,
		headers: options.hubToken ? tokenHeader(options) : undefined,
	};
	const model = source
		? await withSizes(await remoteModel(source, options), options)
		: await embedded(options);
	if (options.check)
		await options.check(
			await opened(model, await peeked(model, asked), options),
		);

	const total = sum(model.files.map(({ size = 0 }) => size));
	const shelf = await shelfFor(model, total, options, notice);
	const blobs = await fetchFiles(model, total, shelf, asked, options).catch(
		async (error: unknown) => {
			const full = error instanceof UserError && error.code === "no_memory";
			if (!full || !shelf.lasting) throw error;
			notice(
				`${model.name} is not kept and fetched again at the next visit: ${error.message}`,
			);
			await removeModel(model.name).catch(() => undefined);
			return fetchFiles(model, total, memoryShelf(), asked, options);
		},
	);
	return opened(model, blobFolder(model.name, blobs), options);
}

/** Fetches a model's files into a shelf; their contents by their paths. */
async function fetchFiles(
	model: RemoteModel,
	total: number,
	shelf: ModelShelf,
	asked: FetchOptions,
	options: OpenWebModelOptions,
): Promise<Map<string, Blob>> {
	const listed: StoredFile[] = model.files.map(
		({ path, size = 0, sha256 }) => ({ path, size, sha256 }),
	);
	const manifest = { version: 1, name: model.name } as const;
	await shelf.describe({ ...manifest, files: listed, complete: false });
	const blobs = new Map<string, Blob>();
	const none = model.files.map(() => 0);
	const tell = progressOfFiles(model.files, none, total, options.onProgress);
	for (const [index, file] of model.files.entries()) {
		const { blob, sha256 } = await fetchToShelf(
			file,
			index,
			shelf,
			asked,
			(bytes) => tell(index, bytes),
		);
		blobs.set(file.path, blob);
		listed[index] = { path: file.path, size: blob.size, sha256 };
	}
	await shelf.describe({ ...manifest, files: listed, complete: true });
	return blobs;
}

/** The embedded model, told apart from a page that a server gives for whatever is asked. */
async function embedded(options: OpenWebModelOptions): Promise<RemoteModel> {
	try {
		const [index] = EMBEDDED.files;
		const response = await fetched(index.url, options);
		await response.json();
	} catch (cause) {
		throw new UserError(
			`the model that comes with the package is not beside this bundle (${EMBEDDED.files[0].url}): put models/emoji of the package on your server and give its address as the model`,
			{ code: "not_found", cause },
		);
	}
	return withSizes(EMBEDDED, options);
}

/** A model that the browser keeps whole. */
async function keptModel(
	name: string,
	options: OpenWebModelOptions,
): Promise<Omit<ModelFiles, "hash"> | undefined> {
	if (options.keep === false) return undefined;
	const shelf = await openShelf(name, () => undefined);
	const manifest = await shelf.described();
	if (!manifest?.complete) return undefined;
	const blobs = new Map<string, Blob>();
	for (const [index, { path, size }] of manifest.files.entries()) {
		const blob = new Blob(await shelf.parts(index));
		// something took a part away: it is fetched again
		if (blob.size !== size) return undefined;
		blobs.set(path, blob);
	}
	const single = manifest.files.length === 1;
	const files = await opened(
		{ name, single },
		blobFolder(name, blobs),
		options,
	);
	await options.check?.(files);
	return files;
}

async function shelfFor(
	model: RemoteModel,
	total: number,
	{ keep = true }: OpenWebModelOptions,
	notice: (message: string) => void,
): Promise<ModelShelf> {
	// it comes with the page, which the browser's cache keeps
	if (!keep || model === EMBEDDED || model.name === EMBEDDED.name)
		return memoryShelf();
	const room = await roomLeft();
	if (room !== undefined && room < total) {
		notice(
			`${model.name} needs ${megabytes(total)}, but this browser gives the page only ${megabytes(room)}: it is not kept and fetched again at the next visit; remove other models (removeModel), or make room on the disk`,
		);
		return memoryShelf();
	}
	return openShelf(model.name, notice);
}

/** The model's folder as its server has it: texts, and headers of weights. */
async function peeked(
	{ name, files }: RemoteModel,
	options: FetchOptions,
): Promise<ModelFolder> {
	const at = (path: string) => {
		const file = files.find((candidate) => candidate.path === path);
		if (file) return file;
		throw new UserError(`${name}/${path} is missing`, { code: "not_found" });
	};
	return {
		label: name,
		paths: new Set(files.map(({ path }) => path)),
		async readText(path) {
			const { url, size = 0 } = at(path);
			if (size > SMALL)
				throw new UserError(`${url} is too long for a text of a model`);
			return repeated(options, async () =>
				(await fetched(url, options)).text(),
			);
		},
		async open(path) {
			const file = at(path);
			return remoteReadable(
				file,
				`${name}/${path}`,
				file.size ?? Number.MAX_SAFE_INTEGER,
				options,
			);
		},
	};
}

async function opened(
	{ single }: Pick<RemoteModel, "single" | "name">,
	folder: ModelFolder,
	options: OpenWebModelOptions,
): Promise<Omit<ModelFiles, "hash">> {
	if (!single) return openDiffusersFolder(folder, options);
	const [path] = folder.paths;
	return checkpoint({ ...(await folder.open(path)), label: path }, options);
}

async function checkpoint(
	file: ReadableFile,
	options: OpenWebModelOptions,
): Promise<Omit<ModelFiles, "hash">> {
	if (!/\.safetensors$/i.test(file.label)) {
		const foreign = foreignFile(await file.read(0, headLength));
		throw new UserError(
			`${file.label} is no model${foreign ? `: it is ${foreign}` : ""}; a checkpoint's name ends with .safetensors`,
			{ code: "invalid_input" },
		);
	}
	const { openSingleFile } = await import("../checkpoint/singleFile.js");
	return openSingleFile(file, {
		clipTokenizers: [
			clipTokenizerFolder(async () => {
				const url = options.clipMerges ?? clipMergesUrl.href;
				const response = await fetched(url, options);
				return new Uint8Array(await response.arrayBuffer());
			}),
		],
	});
}

/** What a source is kept under, without a request. */
function nameOfSource(source: string, { revision }: SourceOptions): string {
	if (!/^https?:\/\/|^\.{0,2}\//.test(source))
		return revision && revision !== "main" ? `${source}@${revision}` : source;
	const url = new URL(source, location.href);
	if (!/\.safetensors$/i.test(url.pathname) && !url.pathname.endsWith("/"))
		url.pathname += "/";
	return url.href;
}
