import { UserError } from "../../errors/userError.js";
import { megabytes } from "../../files/megabytes.js";
import { type ModelFolder, maxTextLength } from "../formats/modelFolder.js";
import { blobFolder, pathIn } from "./blobFolder.js";
import { bytesOf, type FetchFilesOptions, fetchFiles } from "./fetchFiles.js";
import { type ModelShelf, memoryShelf } from "./modelShelf.js";
import {
	fileNameOf,
	type SourcePlace,
	sourcePlace,
	type WebModelSource,
} from "./modelSource.js";
import { openShelf, removeModel, roomLeft } from "./modelStore.js";
import { pickedFiles } from "./pickedFiles.js";
import {
	fetched,
	type RemoteFile,
	remoteReadable,
	repeated,
	withSizes,
} from "./remoteFile.js";
import {
	type RemoteFolder,
	type RemoteOptions,
	remoteFolder,
} from "./remoteFolder.js";

/** How files that a source names are had. */
export interface GivenOptions extends RemoteOptions, FetchFilesOptions {
	/** Branch, tag or commit of a Hub id. */
	readonly revision?: string;
	/** Whether what is fetched is kept for the next visit. Default true. */
	readonly keep?: boolean;
	/** Told what the user may want to know: that a model cannot be kept, and why. */
	readonly onNotice?: (message: string) => void;
}

/** What is wanted of a folder on a server. */
export interface Wanted {
	/** Tells what is kept for this from what is kept of the same source for something else. */
	readonly as?: string;
	/** The files of it that are needed. */
	choose(folder: RemoteFolder): Promise<readonly RemoteFile[]>;
}

/** Files that a source names. */
export interface GivenFiles {
	/** What the source is called. */
	readonly label: string;
	/** The path of the only file, where the source is a file and not a folder. */
	readonly single?: string;
	/** To look at: of what is on a server, texts and the headers of weights are read. */
	readonly folder: ModelFolder;
	/** Fetches what is on a server; all files can then be read. */
	fetch(): Promise<ModelFolder>;
}

/**
 * The files that a source names, in a folder that can be looked at before they are fetched. What is fetched is compared with its checksums
 * and kept; what is kept whole is opened without any request.
 * @throws UserError when the source names none, or a server cannot be reached
 */
export async function givenFiles(
	source: WebModelSource,
	wanted: Wanted,
	options: GivenOptions,
): Promise<GivenFiles> {
	if (typeof source !== "string") return pickedGiven(source);
	const place = sourcePlace(source, options.revision);
	const keptAs = place.name + (wanted.as ? `#${wanted.as}` : "");
	const kept = await keptFolder(place.name, keptAs, options);
	if (kept) return asGiven(place.name, singleOf(place), kept);
	const files = await filesAt(place, wanted, options);
	return remoteGiven(
		{ label: place.name, keptAs, single: singleOf(place) },
		await withSizes(files, options),
		options,
	);
}

async function pickedGiven(
	source: Exclude<WebModelSource, string>,
): Promise<GivenFiles> {
	const picked = await pickedFiles(source);
	if (!("single" in picked))
		return asGiven(
			picked.label,
			undefined,
			blobFolder(picked.label, picked.files),
		);
	const { name } = picked.single;
	return asGiven(name, name, blobFolder("", new Map([[name, picked.single]])));
}

/** Of files that are here. */
function asGiven(
	label: string,
	single: string | undefined,
	folder: ModelFolder,
): GivenFiles {
	return {
		label,
		...(single !== undefined && { single }),
		folder,
		fetch: async () => folder,
	};
}

function singleOf(place: SourcePlace): string | undefined {
	if (place.kind === "hub") return place.file;
	return place.kind === "file" ? fileNameOf(place.url) : undefined;
}

async function filesAt(
	place: SourcePlace,
	{ choose }: Wanted,
	options: GivenOptions,
): Promise<readonly RemoteFile[]> {
	if (place.kind === "file")
		return [{ path: fileNameOf(place.url), url: place.url }];
	const folder = await remoteFolder(place, options);
	return place.kind === "hub" && place.file !== undefined
		? [folder.file(place.file)]
		: choose(folder);
}

interface Named {
	readonly label: string;
	readonly keptAs: string;
	readonly single?: string;
}

function remoteGiven(
	named: Named,
	files: readonly RemoteFile[],
	options: GivenOptions,
): GivenFiles {
	const { label, single } = named;
	return {
		label,
		...(single !== undefined && { single }),
		folder: peekedFolder(label, files, options),
		async fetch() {
			const notice = options.onNotice ?? (() => undefined);
			const shelf = await shelfFor(named, files, options, notice);
			const fetchedTo = async (place: ModelShelf) =>
				blobFolder(
					label,
					await fetchFiles(named.keptAs, files, place, options),
				);
			if (!shelf.lasting) return fetchedTo(shelf);
			return alone(named.keptAs, options, async () => {
				const kept = await keptFolder(label, named.keptAs, options);
				if (kept) return kept;
				try {
					return await fetchedTo(shelf);
				} catch (error) {
					if (!(error instanceof UserError && error.code === "no_memory"))
						throw error;
					notice(
						`${label} is not kept and fetched again at the next visit: ${error.message}`,
					);
					await removeModel(named.keptAs).catch(() => undefined);
					return fetchedTo(memoryShelf());
				}
			});
		},
	};
}

/**
 * Does what no two pages of this origin may do at one time: they would put their parts of a file into one shelf. Whoever waited finds what
 * the other has kept.
 */
async function alone<Result>(
	keptAs: string,
	{ signal }: GivenOptions,
	work: () => Promise<Result>,
): Promise<Result> {
	return navigator.locks
		? navigator.locks.request(
				`faster-diffusion ${keptAs}`,
				signal ? { signal } : {},
				work,
			)
		: work();
}

/** What the browser keeps whole. */
async function keptFolder(
	label: string,
	keptAs: string,
	{ keep }: GivenOptions,
): Promise<ModelFolder | undefined> {
	if (keep === false) return undefined;
	const shelf = await openShelf(keptAs, () => undefined);
	const manifest = await shelf.described();
	if (!manifest?.complete) return undefined;
	const blobs = new Map<string, Blob>();
	for (const [index, { path, size }] of manifest.files.entries()) {
		const blob = new Blob(await shelf.parts(index));
		// something took a part away: it is fetched again
		if (blob.size !== size) return undefined;
		blobs.set(path, blob);
	}
	return blobFolder(label, blobs);
}

async function shelfFor(
	{ label, keptAs }: Named,
	files: readonly RemoteFile[],
	{ keep = true }: GivenOptions,
	notice: (message: string) => void,
): Promise<ModelShelf> {
	if (!keep) return memoryShelf();
	const total = bytesOf(files);
	const room = await roomLeft();
	if (room !== undefined && room < total) {
		notice(
			`${label} needs ${megabytes(total)}, but this browser gives the page only ${megabytes(room)}: it is not kept and fetched again at the next visit; remove other models (removeModel), or make room on the disk`,
		);
		return memoryShelf();
	}
	return openShelf(keptAs, notice);
}

/** A folder as its server has it: texts, and headers of weights. */
function peekedFolder(
	label: string,
	files: readonly RemoteFile[],
	options: GivenOptions,
): ModelFolder {
	const at = (path: string) => {
		const file = files.find((candidate) => candidate.path === path);
		if (file) return file;
		throw new UserError(`${pathIn(label, path)} is missing`, {
			code: "not_found",
		});
	};
	return {
		label,
		paths: new Set(files.map(({ path }) => path)),
		async readText(path) {
			const { url, headers, size = 0 } = at(path);
			if (size > maxTextLength)
				throw new UserError(`${url} is too long for a text of a model`);
			return repeated(options, async () =>
				(await fetched(url, { ...options, headers })).text(),
			);
		},
		async open(path) {
			const file = at(path);
			return remoteReadable(
				file,
				pathIn(label, path),
				file.size ?? Number.MAX_SAFE_INTEGER,
				options,
			);
		},
	};
}
