import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../errors/userError.js";
import type { OpenModelOptions } from "../folder/modelFiles.js";
import { nodeModelFolder } from "../formats/nodeModelFolder.js";
import { openWeightsFile } from "../formats/nodeWeightsFile.js";
import { parseHubId } from "../hub/hubId.js";
import { cachedSnapshot, hubSettings } from "../hub/nodeHubCache.js";
import { type PullOptions, pullHubModel } from "../hub/nodeHubModel.js";
import { embeddedControlNets } from "../nodeEmbeddedModels.js";
import type { OpenedPart } from "./openedPart.js";
import { type PartChoice, partOfFolder, pathsOfPart } from "./partFolder.js";

export interface OpenPartOptions
	extends PartChoice,
		Pick<OpenModelOptions, "onProgress" | "signal">,
		Pick<PullOptions, "settings" | "retryDelay"> {}

/**
 * Opens one network: a diffusers folder of it (or, with `within`, of a whole model that has one), the name of a control net that comes with the
 * package, a Hub id (`owner/name[@revision]`), a file in a Hub repository (`owner/name/file.safetensors`), or a file of weights. Pickles are
 * read without executing what they hold.
 * @throws UserError when it is none of these, or cannot be read.
 */
export async function openNodePart(
	where: string,
	options: OpenPartOptions = {},
): Promise<OpenedPart> {
	const statusOf = (path: string) => stat(path).catch(() => undefined);
	let path = where.replace(/^~(?=$|[/\\])/, homedir());
	let status = await statusOf(path);
	const embedded = status || options.within ? {} : await embeddedControlNets();
	if (Object.hasOwn(embedded, where)) {
		path = embedded[where];
		status = await statusOf(path);
	}
	if (status?.isDirectory())
		return partOfFolder(await nodeModelFolder(path, where), options);
	if (status) return { label: where, weights: await openWeightsFile(path) };
	const [, repo, file] =
		/^([^/\\\s]+\/[^/\\\s]+)\/(.+\.(?:safetensors|bin|pth|pt))$/.exec(where) ??
		[];
	const ending = /\.(safetensors|bin|pth|pt|ckpt)$/i;
	const id =
		/^[./~\\]|\\/.test(where) || (!repo && ending.test(where))
			? undefined
			: parseHubId(repo ?? where);
	if (!id)
		throw new UserError(`${where}: there is no such folder, file or Hub id`, {
			code: "usage",
		});
	const settings = options.settings ?? (await hubSettings());
	const needed = (paths: readonly string[]) =>
		file ? [file] : pathsOfPart(paths, where, options);
	const opened = async (folder: string) =>
		file
			? { label: where, weights: await openWeightsFile(join(folder, file)) }
			: partOfFolder(await nodeModelFolder(folder, where), options);
	const cached = await cachedSnapshot(settings.cacheFolder, id);
	if (cached)
		try {
			return await opened(cached);
		} catch (error) {
			if (!(error instanceof UserError)) throw error;
		}
	const { folder } = await pullHubModel(id, {
		...options,
		settings,
		include: needed,
	});
	return opened(folder);
}
