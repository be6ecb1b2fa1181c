import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { shorten } from "../../errors/shorten.js";
import { UserError } from "../../errors/userError.js";
import { reasonOf } from "../../files/fileFault.js";
import { readRegularText } from "../../files/nodeReadRegularFile.js";
import { readJsonText } from "../../files/parseJson.js";
import type { OpenModelOptions } from "../folder/modelFiles.js";
import { maxTextLength } from "../formats/modelFolder.js";
import { nodeModelFolder, openNodeFile } from "../formats/nodeModelFolder.js";
import { openWeightsFile } from "../formats/nodeWeightsFile.js";
import { parseHubId } from "../hub/hubId.js";
import {
	cachedSnapshot,
	hubSettings,
	SNAPSHOT_DEPTH,
} from "../hub/nodeHubCache.js";
import { type PullOptions, pullHubModel } from "../hub/nodeHubModel.js";
import { embeddedLoras } from "../nodeEmbeddedModels.js";
import {
	ADAPTER_ENDING,
	adapterAmong,
	chosenAdapter,
	PEFT_CONFIG,
	usualNames,
} from "./adapterFileNames.js";
import type { AdapterFile } from "./openAdapter.js";

/** Digests of files that did not change since: the whole file is read for one. */
const hashes = new Map<string, string>();

/**
 * Opens an adapter or an embedding: a file, a folder that holds one, the name of a LoRA that comes with the package, a Hub id
 * (`owner/name[@revision]`) or a file in a Hub repository (`owner/name/file.safetensors`), which is downloaded unless the cache has it.
 * @throws UserError when it is none of these, or cannot be read.
 */
export async function openNodeAdapterFile(
	where: string,
	options: Pick<OpenModelOptions, "onProgress" | "signal"> &
		Pick<PullOptions, "settings" | "retryDelay"> = {},
): Promise<AdapterFile> {
	const path = where.replace(/^~(?=$|[/\\])/, homedir());
	const status = await stat(path).catch(() => undefined);
	if (status?.isFile()) return fileOf(path, where);
	if (status?.isDirectory()) return folderOf(path, where, basename(path));
	if (status)
		throw new UserError(
			`${where} cannot be read: it is a device or pipe, not a file`,
			{ code: "invalid_input" },
		);
	const embedded = await embeddedLoras();
	if (Object.hasOwn(embedded, where)) return fileOf(embedded[where], where);
	const [, repo, file] =
		/^([^/\\\s]+\/[^/\\\s]+)\/(.+\.(?:safetensors|bin|pt))$/.exec(where) ?? [];
	const id = /^[./~\\]|\\/.test(where) ? undefined : parseHubId(repo ?? where);
	if (!id || (!repo && ADAPTER_ENDING.test(where)))
		throw new UserError(`${where}: there is no such file, folder or Hub id`, {
			code: "usage",
		});
	const choose = (paths: readonly string[]) => {
		const chosen = file ?? chosenAdapter(paths, where);
		const config = configBeside(chosen);
		return [chosen, ...(paths.includes(config) ? [config] : [])];
	};
	const settings = options.settings ?? (await hubSettings());
	const name = id.repo.slice(id.repo.indexOf("/") + 1);
	const cached = await cachedSnapshot(settings.cacheFolder, id);
	if (cached) {
		const { paths } = await nodeModelFolder(cached, where, SNAPSHOT_DEPTH);
		const wanted = file ?? adapterAmong([...paths]);
		if (wanted && paths.has(wanted))
			return folderOf(cached, where, name, wanted);
	}
	const pulled = await pullHubModel(id, {
		...options,
		settings,
		include: choose,
	});
	return folderOf(pulled.folder, where, name, pulled.files[0]);
}

/** The LoRA that a prompt calls by its file's name, in a folder. @throws UserError when there is none. */
export async function findNodeAdapter(
	folder: string,
	name: string,
): Promise<string> {
	const names = await readdir(folder, { recursive: true }).catch((cause) => {
		throw new UserError(`${folder} cannot be read: ${reasonOf(cause)}`, {
			code: "usage",
			cause,
		});
	});
	const found = names
		.filter(
			(one) =>
				ADAPTER_ENDING.test(one) &&
				basename(one).replace(ADAPTER_ENDING, "") === name,
		)
		.sort()[0];
	if (found) return join(folder, found);
	throw new UserError(
		`the prompt names the LoRA ${shorten(name)}, which is no file of ${folder}`,
		{ code: "usage" },
	);
}

async function folderOf(
	folder: string,
	label: string,
	name: string,
	file?: string,
): Promise<AdapterFile> {
	const wanted =
		file ??
		chosenAdapter([...(await nodeModelFolder(folder, label)).paths], label);
	const opened = await fileOf(join(folder, wanted), `${label}/${wanted}`);
	return {
		...opened,
		name: usualNames.includes(basename(wanted)) ? name : opened.name,
	};
}

/** What PEFT says of an adapter lies beside it; its alpha stands nowhere else. */
const configBeside = (path: string) => path.replace(/[^/\\]*$/, PEFT_CONFIG);

async function readConfig(path: string): Promise<unknown> {
	const there = await stat(path).catch(() => undefined);
	return there?.isFile()
		? readJsonText(await readRegularText(path, maxTextLength), path)
		: undefined;
}

async function fileOf(path: string, label: string): Promise<AdapterFile> {
	const { metadata = new Map<string, string>(), ...weights } =
		await openWeightsFile(path);
	return {
		label,
		name: basename(path).replace(ADAPTER_ENDING, ""),
		hash: await hashOf(path),
		weights: { ...weights, label },
		metadata,
		config: await readConfig(configBeside(path)),
	};
}

/** As A1111: of a safetensors file what follows the header, of others the whole file. */
async function hashOf(path: string): Promise<string> {
	const { mtimeMs, size } = await stat(path);
	const key = `${path} ${mtimeMs} ${size}`;
	const known = hashes.get(key);
	if (known) return known;
	const file = await openNodeFile(path);
	const start = await file.read(0, 9);
	const isSafetensors = start[8] === 0x7b;
	const header = new DataView(start.buffer, start.byteOffset);
	let at = isSafetensors ? 8 + Number(header.getBigUint64(0, true)) : 0;
	const digest = createHash("sha256");
	while (at < size) {
		const piece = await file.read(at, 2 ** 22);
		if (piece.length === 0) break;
		digest.update(piece);
		at += piece.length;
	}
	const hash = digest.digest("hex").slice(0, 12);
	hashes.set(key, hash);
	return hash;
}
