import * as z from "zod";
import { shorten } from "../../errors/shorten.js";
import { UserError } from "../../errors/userError.js";
import { partAlone } from "../folder/partAlone.js";
import {
	chooseWeights,
	type NetworkFolder,
	networkFolders,
	networkNames,
	tokenizerNames,
	type WeightChoice,
} from "../folder/weightFileNames.js";

/** A file of a Hub repository at one commit. */
export interface HubFile {
	readonly path: string;
	/** Bytes; undefined where the listing does not say. */
	readonly size: number | undefined;
	/** What the cache names its blob by: SHA-256 of large (LFS) files, git's blob SHA-1 of small ones; undefined where not listed. */
	readonly etag: string | undefined;
}

/** A repository at one commit, from `/api/models/ID/revision/REVISION?blobs=true`. */
export interface HubListing {
	readonly commit: string;
	readonly files: readonly HubFile[];
}

const size = z.int().nonnegative();
const answer = z.object({
	sha: z.string().regex(/^[0-9a-f]{40}$/),
	siblings: z.array(
		z.object({
			rfilename: z.string(),
			size: size.nullish(),
			blobId: z
				.string()
				.regex(/^[0-9a-f]{40}$/)
				.nullish(),
			lfs: z
				.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), size })
				.nullish(),
		}),
	),
});

/**
 * Parses the Hub's answer about a repository. Files whose names would lead out of a snapshot's folder, or that not every file
 * system can hold, are left out.
 * @throws UserError when it is of another form.
 */
export function parseHubListing(
	json: unknown,
	repo: string,
	endpoint: string,
): HubListing {
	const parsed = answer.safeParse(json);
	if (!parsed.success)
		throw new UserError(
			`${repo}: what ${endpoint} answers is no list of a repository's files: it is neither the Hub nor a mirror of it`,
			{ code: "network" },
		);
	return {
		commit: parsed.data.sha,
		files: parsed.data.siblings
			.filter((file) => isSafePath(file.rfilename))
			.map((file) => ({
				path: file.rfilename,
				size: file.lfs?.size ?? file.size ?? undefined,
				etag: file.lfs?.sha256 ?? file.blobId ?? undefined,
			})),
	};
}

/** Whether a path stays inside its folder on every system: no "..", no drive, no backslash, no control character. */
export function isSafePath(path: string): boolean {
	return (
		path.length <= 1024 &&
		!/[\\:*?"<>|\p{Cc}\p{Cs}]/u.test(path) &&
		path
			.split("/")
			.every((part) => part !== "" && !/^\.+$/.test(part) && part.length <= 255)
	);
}

const tokenizerFiles = [
	"vocab.json",
	"merges.txt",
	"tokenizer_config.json",
	"special_tokens_map.json",
	"added_tokens.json",
];

/**
 * The files of a repository that `openModel` needs: configs, tokenizer and one variant of each network's weights. A repository
 * without model_index.json that has a CLIP vocabulary gives its tokenizer.
 * @throws UserError when it is no Stable Diffusion model in diffusers' layout, or weights are missing.
 */
export function neededFiles(
	listing: HubListing,
	repo: string,
	choice: WeightChoice,
): HubFile[] {
	const paths = new Set(listing.files.map(({ path }) => path));
	const wanted = new Set<string>();
	const want = (path: string) => {
		if (paths.has(path)) wanted.add(path);
	};
	const wantTokenizer = (prefix: string) => {
		for (const name of tokenizerFiles) want(prefix + name);
		if (!wanted.has(`${prefix}vocab.json`)) want(`${prefix}tokenizer.json`);
	};
	if (paths.has("model_index.json")) {
		want("model_index.json");
		want("scheduler/scheduler_config.json");
		want("generation_config.json");
		want("latent_colours.json");
		for (const name of tokenizerNames) wantTokenizer(`${name}/`);
		const chosen = chooseWeights(paths, repo, choice);
		for (const network of networkNames) {
			want(`${network}/config.json`);
			const { path, sharded, variant } = chosen[network];
			want(path);
			if (sharded)
				for (const shard of paths)
					if (isShard(shard, network, variant)) want(shard);
		}
	} else if (paths.has("vocab.json") && paths.has("merges.txt"))
		wantTokenizer("");
	else if (partAlone(paths))
		throw new UserError(
			`${repo} is ${partAlone(paths)}, not a whole model: it is used beside one`,
		);
	else
		throw new UserError(
			`${repo} is no diffusers model: it has no model_index.json${singleFiles(paths)}`,
		);
	return listing.files.filter(({ path }) => wanted.has(path));
}

/** STEM[.VARIANT]-00001-of-00002[.VARIANT].safetensors: both spellings of a variant's shards are around. */
function isShard(
	path: string,
	network: NetworkFolder,
	variant: string,
): boolean {
	const match = new RegExp(
		`^${network}/${networkFolders[network].stem}(?:\\.([\\w-]+))?-\\d{5}-of-\\d{5}(?:\\.([\\w-]+))?\\.safetensors$`,
	).exec(path);
	return match !== null && (match[1] ?? match[2] ?? "") === variant;
}

function singleFiles(paths: ReadonlySet<string>): string {
	const names = [...paths].filter((path) => /^[^/]+\.safetensors$/.test(path));
	return names.length
		? `; get one of its checkpoints (${names
				.slice(0, 4)
				.map((name) => shorten(name))
				.join(
					", ",
				)}) alone, such as with fdiff models pull, and use that file as the model`
		: "";
}
