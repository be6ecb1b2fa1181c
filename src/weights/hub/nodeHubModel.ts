import {
	copyFile,
	lstat,
	readlink,
	stat,
	statfs,
	symlink,
} from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { shorten } from "../../errors/shorten.js";
import { UserError } from "../../errors/userError.js";
import { cannotWrite } from "../../files/fileFault.js";
import { megabytes } from "../../files/megabytes.js";
import { makeFolder } from "../../files/nodeMakeFolder.js";
import { networkError, withRetries } from "../../files/nodeRetries.js";
import { placeWhole, writeWhole } from "../../files/nodeWriteWhole.js";
import { parsedJson } from "../../files/parsedJson.js";
import { sum } from "../../tensor/sum.js";
import {
	isDiffusersFolder,
	openDiffusersFolder,
} from "../folder/diffusersFolder.js";
import type { ModelFiles, OpenModelOptions } from "../folder/modelFiles.js";
import { progressOfFiles } from "../folder/progressOfFiles.js";
import { nodeModelFolder } from "../formats/nodeModelFolder.js";
import {
	type HubFile,
	type HubListing,
	isSafePath,
	neededFiles,
	parseHubListing,
} from "./hubFiles.js";
import { type HubId, isCommit } from "./hubId.js";
import {
	cachedSnapshot,
	type HubSettings,
	hubSettings,
	repoFolder,
	SNAPSHOT_DEPTH,
} from "./nodeHubCache.js";
import { downloadBlob } from "./nodeHubDownload.js";
import { hubRequest, type RequestOptions } from "./nodeHubRequest.js";

/** Options of a download from the Hub. */
export interface PullOptions
	extends Pick<
		OpenModelOptions,
		"variant" | "dtype" | "onProgress" | "signal"
	> {
	/** Exactly these files instead of those that a model needs: their paths, or their choice among all paths. */
	readonly include?:
		| readonly string[]
		| ((paths: readonly string[]) => readonly string[]);
	/** Where the Hub and its cache are; read from the environment by default. */
	readonly settings?: HubSettings;
	/** See `RequestOptions`. */
	readonly retryDelay?: number;
}

/** A snapshot in the cache. */
export interface PulledModel {
	readonly folder: string;
	readonly commit: string;
	/** Paths of the files that were asked for, relative to the folder. */
	readonly files: readonly string[];
	readonly size: number;
}

/**
 * The files of a Hub model. A revision that the cache holds completely is opened without any request (`fdiff models pull` looks
 * for a newer one); else what is missing is downloaded.
 * @throws UserError when it cannot be had, or is malformed.
 */
export async function openHubModel(
	id: HubId,
	options: OpenModelOptions & PullOptions = {},
): Promise<Omit<ModelFiles, "hash">> {
	const settings = options.settings ?? (await hubSettings());
	const openSnapshot = async (folder: string) =>
		openDiffusersFolder(await nodeModelFolder(folder, id.repo), options);
	const cached = await cachedSnapshot(settings.cacheFolder, id);
	let reason = "it is not in the cache";
	if (cached)
		try {
			return await openSnapshot(cached);
		} catch (error) {
			if (!(error instanceof UserError)) throw error;
			reason = error.message;
		}
	if (settings.offline)
		throw new UserError(
			`${id.repo} cannot be used offline (HF_HUB_OFFLINE is set): ${reason}`,
		);
	const { folder } = await pullHubModel(id, { ...options, settings });
	return openSnapshot(folder);
}

/**
 * Downloads what a model needs into the standard Hugging Face cache (`models--OWNER--NAME/{blobs,refs,snapshots}`), shared with
 * Python's huggingface_hub. Files that are there already are not fetched again.
 * @throws UserError when the Hub refuses, the network stays away, a checksum is wrong or the disk is full.
 */
export async function pullHubModel(
	id: HubId,
	options: PullOptions = {},
): Promise<PulledModel> {
	const settings = options.settings ?? (await hubSettings());
	if (settings.offline) return cachedModel(id, settings, options);
	const { signal, retryDelay } = options;
	const requests: RequestOptions = {
		settings,
		...(signal ? { signal } : {}),
		...(retryDelay === undefined ? {} : { retryDelay }),
	};
	const listing = await listFiles(id, requests);
	const files = options.include
		? named(listing, id.repo, options.include)
		: neededFiles(listing, id.repo, options);
	const repo = repoFolder(settings.cacheFolder, id.repo);
	const have = await bytesThere(repo, files);
	const total = sum(files.map((file) => file.size ?? 0));
	await checkRoom(total - sum(have), settings, id.repo);

	const tell = progressOfFiles(files, have, total, options.onProgress);
	const folder = join(repo, "snapshots", listing.commit);
	for (const [index, file] of files.entries()) {
		const etag = await downloadBlob({
			...requests,
			repo: id.repo,
			commit: listing.commit,
			file,
			onReceived: (bytes) => tell(index, bytes),
		});
		await link(join(repo, "blobs", etag), join(folder, file.path), settings);
	}
	if (!isCommit(id.revision))
		await writeWhole(join(repo, "refs", id.revision), listing.commit, {
			makeFolder: true,
			label: cacheLabel(settings),
		});
	return {
		folder,
		commit: listing.commit,
		files: files.map(({ path }) => path),
		size: sum(have),
	};
}

/** What `pullHubModel` would give, where the cache holds all of it. */
async function cachedModel(
	id: HubId,
	{ cacheFolder }: HubSettings,
	options: PullOptions,
): Promise<PulledModel> {
	const missing = (reason: string) =>
		new UserError(
			`${id.repo} cannot be downloaded (HF_HUB_OFFLINE is set), and the cache does not hold it whole: ${reason}`,
			{ code: "network" },
		);
	const folder = await cachedSnapshot(cacheFolder, id);
	if (!folder) throw missing(`${cacheFolder} has no ${id.revision} of it`);
	const commit = basename(folder);
	const folderFiles = await nodeModelFolder(folder, id.repo, SNAPSHOT_DEPTH);
	const listing = {
		commit,
		files: [...folderFiles.paths].map((path) => ({
			path,
			size: undefined,
			etag: undefined,
		})),
	};
	try {
		const files = options.include
			? named(listing, id.repo, options.include)
			: neededFiles(listing, id.repo, options);
		if (!options.include && isDiffusersFolder(folderFiles))
			await openDiffusersFolder(folderFiles, options);
		const paths = files.map(({ path }) => path);
		const sizes = await Promise.all(
			paths.map(async (path) => (await stat(join(folder, path))).size),
		);
		return { folder, commit, files: paths, size: sum(sizes) };
	} catch (error) {
		throw error instanceof UserError ? missing(error.message) : error;
	}
}

async function listFiles(
	{ repo, revision }: HubId,
	requests: RequestOptions,
): Promise<HubListing> {
	const what = revision === "main" ? repo : `${repo}: revision ${revision}`;
	const path = `/api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`;
	const json = await withRetries(what, requests, async () => {
		const { response } = await hubRequest(path, what, requests);
		const text = await response.text().catch((error: unknown) => {
			requests.signal?.throwIfAborted();
			throw networkError(error, new URL(requests.settings.endpoint).host);
		});
		return parsedJson(text);
	});
	return parseHubListing(json, repo, requests.settings.endpoint);
}

function named(
	listing: HubListing,
	repo: string,
	include: NonNullable<PullOptions["include"]>,
): HubFile[] {
	const paths =
		typeof include === "function"
			? include(listing.files.map(({ path }) => path))
			: include;
	return paths.map((path) => {
		if (!isSafePath(path))
			throw new UserError(
				`"${shorten(path)}" cannot be a file of ${repo}: it would lie outside of its folder in the cache`,
				{ code: "usage" },
			);
		const file = listing.files.find((candidate) => candidate.path === path);
		if (!file)
			throw new UserError(`${repo} has no file "${path}" (${listing.commit})`);
		return file;
	});
}

/** Bytes of each file that the cache holds already, whole or from a download that was broken off. */
async function bytesThere(
	repo: string,
	files: readonly HubFile[],
): Promise<number[]> {
	const sizeOf = (path: string) =>
		stat(path).then(
			({ size }) => size,
			() => undefined,
		);
	const there: number[] = [];
	for (const { etag } of files) {
		const blob = join(repo, "blobs", etag ?? "");
		there.push(
			etag
				? ((await sizeOf(blob)) ??
						(await sizeOf(`${blob}.fdiff.incomplete`)) ??
						0)
				: 0,
		);
	}
	return there;
}

/** Asks the file system before the first byte, where it can say. */
async function checkRoom(
	needed: number,
	settings: HubSettings,
	label: string,
): Promise<void> {
	await makeFolder(settings.cacheFolder).catch((error) => {
		throw cannotWrite(cacheLabel(settings), error);
	});
	const system = await statfs(settings.cacheFolder).catch(() => undefined);
	const free = system ? system.bavail * system.bsize : Infinity;
	if (needed > free)
		throw new UserError(
			`${label} needs ${megabytes(needed)}, but ${settings.cacheFolder} has only ${megabytes(free)} free: make room or set HF_HOME to a folder on another disk`,
		);
}

/**
 * A relative link from the snapshot to the blob, as huggingface_hub makes them; a copy where the file system or the system
 * does not make links, for which every one has an error code of its own.
 */
async function link(
	blob: string,
	path: string,
	settings: HubSettings,
): Promise<void> {
	const target = relative(dirname(path), blob).split(sep).join("/");
	if ((await readlink(path).catch(() => undefined)) === target) return;
	const copied = await lstat(path).catch(() => undefined);
	if (copied?.isFile() && copied.size === (await stat(blob)).size) return;
	await placeWhole(
		path,
		(temporary) =>
			symlink(target, temporary).catch(() => copyFile(blob, temporary)),
		{ makeFolder: true, label: cacheLabel(settings) },
	);
}

function cacheLabel({ cacheFolder }: HubSettings): string {
	return `the model cache ${cacheFolder}`;
}
