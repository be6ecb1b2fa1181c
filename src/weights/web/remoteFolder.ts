import * as z from "zod";
import { UserError } from "../../errors/userError.js";
import { parsedJson } from "../../files/parsedJson.js";
import { isSafePath, parseHubListing } from "../hub/hubFiles.js";
import type { SourcePlace } from "./modelSource.js";
import {
	type FetchOptions,
	fetched,
	type RemoteFile,
	repeated,
	textOf,
} from "./remoteFile.js";

/** How servers are asked for files. */
export interface RemoteOptions extends FetchOptions {
	/** The Hub, or a mirror of it. Default https://huggingface.co. */
	readonly hubEndpoint?: string;
	/** An access token for gated and private models; only the Hub is told it. */
	readonly hubToken?: string;
}

/** A folder on a server. */
export interface RemoteFolder {
	/** What it is called. */
	readonly name: string;
	/** Whether its server tells what is in it. */
	readonly listed: boolean;
	/** Its files, where they are listed; else those of `candidates` that are there. */
	paths(candidates: readonly string[]): Promise<ReadonlySet<string>>;
	/** A file of it. */
	file(path: string): RemoteFile;
}

const HUB = "https://huggingface.co";

const listing = z.array(
	z.object({
		path: z.string().refine(isSafePath),
		url: z.string().optional(),
		size: z.int().nonnegative().optional(),
		sha256: z
			.string()
			.regex(/^[0-9a-f]{64}$/)
			.optional(),
	}),
);

/**
 * A folder on any server: as its files.json lists it, or a repository as the Hub does; else files are found by asking for them.
 * @throws UserError when the server cannot be reached, or its list is none
 */
export async function remoteFolder(
	place: Exclude<SourcePlace, { readonly kind: "file" }>,
	options: RemoteOptions,
): Promise<RemoteFolder> {
	if (place.kind === "hub") return hubFolder(place, options);
	const at = (path: string) => new URL(path, place.url).href;
	const list = await textIfThere(at("files.json"), options);
	if (list === undefined)
		return {
			name: place.name,
			listed: false,
			async paths(candidates) {
				const there = new Set<string>();
				await Promise.all(
					candidates.map(async (path) => {
						const found = await textIfThere(at(path), options, "HEAD");
						if (found !== undefined) there.add(path);
					}),
				);
				return there;
			},
			file: (path) => ({ path, url: at(path) }),
		};
	const parsed = listing.safeParse(parsedJson(list));
	if (!parsed.success)
		throw new UserError(
			`${at("files.json")} is no list of a model's files: an array of { "path", "url"?, "size"?, "sha256"? }`,
			{ code: "invalid_input" },
		);
	return listedFolder(
		place.name,
		parsed.data.map((file) => ({ ...file, url: at(file.url ?? file.path) })),
	);
}

async function hubFolder(
	{ name, repo, revision }: Extract<SourcePlace, { readonly kind: "hub" }>,
	{ hubEndpoint = HUB, hubToken, ...options }: RemoteOptions,
): Promise<RemoteFolder> {
	const endpoint = hubEndpoint.replace(/\/$/, "");
	const headers: Record<string, string> = hubToken
		? { authorization: `Bearer ${hubToken}` }
		: {};
	const text = await repeated(options, async () =>
		textOf(
			await fetched(
				`${endpoint}/api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`,
				{ ...options, headers },
			),
		),
	);
	const { commit, files } = parseHubListing(parsedJson(text), repo, endpoint);
	return listedFolder(
		name,
		files.map(({ path, size, etag }) => ({
			path,
			url: `${endpoint}/${repo}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`,
			headers,
			...(size !== undefined && { size }),
			...(etag?.length === 64 && { sha256: etag }),
		})),
	);
}

function listedFolder(
	name: string,
	files: readonly RemoteFile[],
): RemoteFolder {
	const byPath = new Map(files.map((file) => [file.path, file]));
	const paths = new Set(byPath.keys());
	return {
		name,
		listed: true,
		paths: async () => paths,
		file(path) {
			const file = byPath.get(path);
			if (file) return file;
			throw new UserError(`${name}/${path} is missing`, { code: "not_found" });
		},
	};
}

/** The text of a file (where its head alone is asked for an empty one), or nothing where the server has no such file. */
export async function textIfThere(
	url: string,
	options: FetchOptions,
	method?: "HEAD",
): Promise<string | undefined> {
	try {
		return await repeated(options, async () => {
			const response = await fetched(url, { ...options, method });
			// servers of pages answer whatever is asked for with the page itself
			return /text\/html/.test(response.headers.get("content-type") ?? "")
				? undefined
				: textOf(response);
		});
	} catch (error) {
		if (error instanceof UserError && error.code === "not_found")
			return undefined;
		throw error;
	}
}
