import * as z from "zod";
import { UserError } from "../../errors/userError.js";
import { networkFolders, networkNames } from "../folder/weightFileNames.js";
import { isSafePath, neededFiles, parseHubListing } from "../hub/hubFiles.js";
import { parseHubId } from "../hub/hubId.js";
import { embeddedModelUrls } from "./embeddedModel.js";
import {
	type FetchOptions,
	fetched,
	type RemoteFile,
	repeated,
	sizeOf,
} from "./remoteFile.js";

/**
 * What a model can be loaded from in a browser: an address of a diffusers folder or of a `.safetensors` checkpoint, a Hub id
 * (`owner/name[@revision]`), or what the user picked or dropped: a file, the files of a folder, or a handle of either.
 */
export type WebModelSource =
	| string
	| File
	| readonly File[]
	| FileSystemFileHandle
	| FileSystemDirectoryHandle;

/** A model on a server: what has to be fetched. */
export interface RemoteModel {
	/** What it is called, and kept under. */
	readonly name: string;
	readonly files: readonly RemoteFile[];
	/** A checkpoint of one file, not a folder. */
	readonly single: boolean;
}

/** What a source says beside its address. */
export interface SourceOptions extends FetchOptions {
	readonly variant?: string;
	readonly dtype?: "fp16" | "fp32";
	readonly revision?: string;
	/** The Hub, or a mirror of it. Default https://huggingface.co. */
	readonly hubEndpoint?: string;
	/** An access token for gated and private models. */
	readonly hubToken?: string;
}

const HUB = "https://huggingface.co";

/** The model that comes with the package. */
export const EMBEDDED: RemoteModel = {
	name: "emoji",
	single: false,
	files: Object.entries(embeddedModelUrls).map(([path, { href }]) => ({
		path,
		url: href,
	})),
};

/**
 * The files of a model at an address or with a Hub id.
 * @throws UserError when it is neither, or cannot be listed.
 */
export async function remoteModel(
	source: string,
	options: SourceOptions,
): Promise<RemoteModel> {
	if (/^https?:\/\/|^\.{0,2}\//.test(source)) {
		const url = new URL(source, location.href);
		return /\.safetensors$/i.test(url.pathname)
			? {
					name: url.href,
					single: true,
					files: [{ path: nameOf(url), url: url.href }],
				}
			: folderAt(url, options);
	}
	const id = parseHubId(source, options.revision);
	if (!id)
		throw new UserError(
			`"${source}" is no model: give an address (https://… or /…), a Hub id (owner/name), or a file or folder that the user picked`,
			{ code: "usage" },
		);
	const endpoint = (options.hubEndpoint ?? HUB).replace(/\/$/, "");
	const { repo, revision } = id;
	const response = await repeated(options, () =>
		fetched(
			`${endpoint}/api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`,
			{ ...options, headers: tokenHeader(options) },
		),
	);
	const json: unknown = await response.json().catch(() => undefined);
	const listing = parseHubListing(json, repo, endpoint);
	return {
		name: revision === "main" ? repo : `${repo}@${revision}`,
		single: false,
		files: neededFiles(listing, repo, options).map(({ path, size, etag }) => ({
			path,
			url: `${endpoint}/${repo}/resolve/${listing.commit}/${path.split("/").map(encodeURIComponent).join("/")}`,
			...(size !== undefined && { size }),
			...(etag?.length === 64 && { sha256: etag }),
		})),
	};
}

/** What the Hub is told of the user. */
export function tokenHeader({
	hubToken,
}: SourceOptions): Record<string, string> {
	return hubToken ? { authorization: `Bearer ${hubToken}` } : {};
}

const listed = z.array(
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

const CONFIGS = [
	"model_index.json",
	"scheduler/scheduler_config.json",
	...networkNames.map((name) => `${name}/config.json`),
];
const OPTIONAL = [
	"generation_config.json",
	"latent_colours.json",
	"tokenizer/vocab.json",
	"tokenizer/merges.txt",
	"tokenizer/tokenizer_config.json",
	"tokenizer/special_tokens_map.json",
	"tokenizer/added_tokens.json",
];

/** A diffusers folder on any server: as its files.json lists it, else by looking for the files that such folders have. */
async function folderAt(
	folder: URL,
	options: SourceOptions,
): Promise<RemoteModel> {
	const base = new URL(folder);
	if (!base.pathname.endsWith("/")) base.pathname += "/";
	const at = (path: string) => new URL(path, base).href;
	const name = base.href;
	const list = await ifThere(at("files.json"), options);
	if (list) {
		const parsed = listed.safeParse(await list.json().catch(() => undefined));
		if (!parsed.success)
			throw new UserError(
				`${at("files.json")} is no list of a model's files: an array of { "path", "url"?, "size"?, "sha256"? }`,
				{ code: "invalid_input" },
			);
		return {
			name,
			single: false,
			files: parsed.data.map((file) => ({
				...file,
				url: at(file.url ?? file.path),
			})),
		};
	}
	const there = async (path: string) => {
		const response = await ifThere(at(path), options, "HEAD");
		return response !== undefined;
	};
	if (!(await there("model_index.json")))
		throw new UserError(
			`${at("model_index.json")} is not there: the address of a model is that of a diffusers folder, or of a .safetensors checkpoint`,
			{ code: "not_found" },
		);
	const paths = [...CONFIGS];
	for (const path of OPTIONAL) if (await there(path)) paths.push(path);
	if (!paths.includes("tokenizer/vocab.json"))
		paths.push("tokenizer/tokenizer.json");
	const { variant, dtype } = options;
	const wishes = new Set([variant, dtype, "", "fp16"]);
	for (const network of networkNames)
		paths.push(...(await weightsAt(network, wishes, there, at, options)));
	return {
		name,
		single: false,
		files: paths.map((path) => ({ path, url: at(path) })),
	};
}

/** The weight files of one network: in one file, or in shards with their index. */
async function weightsAt(
	network: keyof typeof networkFolders,
	wishes: ReadonlySet<string | undefined>,
	there: (path: string) => Promise<boolean>,
	at: (path: string) => string,
	options: SourceOptions,
): Promise<string[]> {
	const stem = `${network}/${networkFolders[network].stem}`;
	for (const wish of wishes) {
		if (wish === undefined || wish === "fp32") continue;
		const file = `${stem}${wish && `.${wish}`}.safetensors`;
		if (await there(file)) return [file];
		const index = `${stem}.safetensors.index${wish && `.${wish}`}.json`;
		const response = await ifThere(at(index), options);
		const json = (await response?.json().catch(() => undefined)) as
			| { weight_map?: Record<string, string> }
			| undefined;
		if (json?.weight_map)
			return [
				index,
				...[...new Set(Object.values(json.weight_map))]
					.map((shard) => `${network}/${shard}`)
					.filter(isSafePath),
			];
	}
	throw new UserError(
		`${at(`${stem}.safetensors`)} is not there: the folder has no weights of its ${network}`,
		{ code: "not_found" },
	);
}

/** The answer to a request, or nothing where the server has no such file. */
async function ifThere(
	url: string,
	options: SourceOptions,
	method?: "HEAD",
): Promise<Response | undefined> {
	try {
		const response = await repeated(options, () =>
			fetched(url, { ...options, method }),
		);
		// servers of pages answer whatever is asked for with the page itself
		return /text\/html/.test(response.headers.get("content-type") ?? "")
			? undefined
			: response;
	} catch (error) {
		if (error instanceof UserError && error.code === "not_found")
			return undefined;
		throw error;
	}
}

/** The same model with the size of each file. */
export async function withSizes(
	model: RemoteModel,
	options: SourceOptions,
): Promise<RemoteModel> {
	return {
		...model,
		files: await Promise.all(
			model.files.map(async (file) => {
				const size = file.size ?? (await sizeOf(file.url, options));
				return size === undefined ? file : { ...file, size };
			}),
		),
	};
}

function nameOf({ pathname }: URL): string {
	return decodeURIComponent(pathname.slice(pathname.lastIndexOf("/") + 1));
}
