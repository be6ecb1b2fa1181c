import { readdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../errors/userError.js";
import { readRegularText } from "../../files/nodeReadRegularFile.js";
import { type HubId, isCommit } from "./hubId.js";

/** Where the Hub is and where its files are kept, as huggingface_hub reads it from the environment. */
export interface HubSettings {
	/** Without a slash at the end. */
	readonly endpoint: string;
	readonly cacheFolder: string;
	readonly token?: string;
	readonly offline: boolean;
}

/**
 * Settings of huggingface_hub: HF_ENDPOINT; HF_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub, else
 * ~/.cache/huggingface/hub; HF_TOKEN, else the token file (HF_TOKEN_PATH, else HF_HOME/token) that `hf auth login` writes;
 * HF_HUB_OFFLINE (1, on, yes, true).
 * @throws UserError when HF_ENDPOINT is no http(s) address, or the token is none.
 */
export async function hubSettings(
	environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<HubSettings> {
	const home = (path: string) => path.replace(/^~(?=$|[/\\])/, homedir());
	const cacheHome = environment.XDG_CACHE_HOME || join(homedir(), ".cache");
	const hfHome = home(environment.HF_HOME || join(cacheHome, "huggingface"));
	const endpoint = (
		environment.HF_ENDPOINT || "https://huggingface.co"
	).replace(/\/+$/, "");
	if (!/^https?:\/\/[^/?#]+/.test(endpoint) || !URL.canParse(endpoint))
		throw new UserError(
			`HF_ENDPOINT is "${endpoint}", which is no http(s) address`,
			{ code: "usage" },
		);
	const tokenPath = home(environment.HF_TOKEN_PATH || join(hfHome, "token"));
	const token = (
		environment.HF_TOKEN ||
		environment.HUGGING_FACE_HUB_TOKEN ||
		(await readRegularText(tokenPath, LONGEST_LINE).catch(() => ""))
	).trim();
	if (!/^[\x21-\x7e]*$/.test(token))
		throw new UserError(
			`the Hub's access token (HF_TOKEN, or the file ${tokenPath}) holds spaces, line breaks or letters that no token has`,
			{ code: "usage" },
		);
	return {
		endpoint,
		cacheFolder: home(
			environment.HF_HUB_CACHE ||
				environment.HUGGINGFACE_HUB_CACHE ||
				join(hfHome, "hub"),
		),
		...(token && { token }),
		offline: /^(1|on|yes|true)$/i.test(environment.HF_HUB_OFFLINE ?? ""),
	};
}

/** Bytes of a file that holds a token or a commit. */
const LONGEST_LINE = 65_536;

/** Folder of a repository in the cache: `models--owner--name`. */
export function repoFolder(cacheFolder: string, repo: string): string {
	return join(cacheFolder, `models--${repo.replaceAll("/", "--")}`);
}

/** Folder of the snapshot that a revision is known to be, if any: its commit, or what `refs/REVISION` says. */
export async function cachedSnapshot(
	cacheFolder: string,
	{ repo, revision }: HubId,
): Promise<string | undefined> {
	const folder = repoFolder(cacheFolder, repo);
	const commit = isCommit(revision)
		? revision
		: (
				await readRegularText(
					join(folder, "refs", revision),
					LONGEST_LINE,
				).catch(() => "")
			).trim();
	if (!isCommit(commit)) return undefined;
	const snapshot = join(folder, "snapshots", commit);
	const status = await stat(snapshot).catch(() => undefined);
	return status?.isDirectory() ? snapshot : undefined;
}

/** How many folders down a repository's files may lie. */
export const SNAPSHOT_DEPTH = 8;

/** A repository in the cache. */
export interface CachedRepo {
	readonly repo: string;
	/** Commits that have a snapshot. */
	readonly commits: readonly string[];
	/** Bytes of its blobs. */
	readonly size: number;
	/** Downloads that were broken off. */
	readonly incomplete: number;
}

/** The model repositories in the cache, sorted by name; none where there is no cache. */
export async function listCachedRepos(
	cacheFolder: string,
): Promise<CachedRepo[]> {
	const names = await readdir(cacheFolder).catch(() => [] as string[]);
	const repos: CachedRepo[] = [];
	for (const name of names.sort()) {
		if (!name.startsWith("models--")) continue;
		const folder = join(cacheFolder, name);
		const list = (part: string) =>
			readdir(join(folder, part)).catch(() => [] as string[]);
		let size = 0;
		let incomplete = 0;
		for (const blob of await list("blobs")) {
			if (blob.endsWith(".incomplete")) incomplete++;
			const status = await stat(join(folder, "blobs", blob)).catch(
				() => undefined,
			);
			size += status?.size ?? 0;
		}
		repos.push({
			repo: name.slice("models--".length).replaceAll("--", "/"),
			commits: (await list("snapshots")).filter(isCommit),
			size,
			incomplete,
		});
	}
	return repos;
}
