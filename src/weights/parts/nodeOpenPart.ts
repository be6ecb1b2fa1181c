import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../errors/userError.js";
import type { OpenModelOptions } from "../folder/modelFiles.js";
import {
	loadNetworkWeights,
	openNetworkWeights,
} from "../folder/networkWeights.js";
import { type ModelFolder, readJson } from "../formats/modelFolder.js";
import { nodeModelFolder } from "../formats/nodeModelFolder.js";
import { openWeightsFile } from "../formats/nodeWeightsFile.js";
import { parseHubId } from "../hub/hubId.js";
import { cachedSnapshot, hubSettings } from "../hub/nodeHubCache.js";
import { type PullOptions, pullHubModel } from "../hub/nodeHubModel.js";
import type { OpenedPart } from "./openedPart.js";

export interface OpenPartOptions
	extends Pick<OpenModelOptions, "variant" | "onProgress" | "signal">,
		Pick<PullOptions, "settings" | "retryDelay"> {
	/** The folder of a whole model that it is taken from: "vae". */
	readonly within?: "vae";
}

/** What the weights of one network are called in diffusers' folders. */
const stem = "diffusion_pytorch_model";

/**
 * Opens one network: a diffusers folder of it (or, with `within`, of a whole model that has one), a Hub id (`owner/name[@revision]`), a file in
 * a Hub repository (`owner/name/file.safetensors`), or a file of weights. Pickles are read without executing what they hold.
 * @throws UserError when it is none of these, or cannot be read.
 */
export async function openNodePart(
	where: string,
	options: OpenPartOptions = {},
): Promise<OpenedPart> {
	const path = where.replace(/^~(?=$|[/\\])/, homedir());
	const status = await stat(path).catch(() => undefined);
	if (status?.isDirectory())
		return partOf(await nodeModelFolder(path, where), options);
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
		file ? [file] : neededOf(paths, where, options);
	const opened = async (folder: string) =>
		file
			? { label: where, weights: await openWeightsFile(join(folder, file)) }
			: partOf(await nodeModelFolder(folder, where), options);
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

async function partOf(
	folder: ModelFolder,
	options: OpenPartOptions,
): Promise<OpenedPart> {
	const [config, weights] = neededOf([...folder.paths], folder.label, options);
	const { label } = folder;
	return {
		label,
		config: await readJson(folder, config),
		weights: {
			...(options.within
				? await loadNetworkWeights(folder, options.within, {
						path: weights,
						sharded: false,
						variant: "",
					})
				: await openNetworkWeights(folder, weights)),
			label,
		},
	};
}

/** The paths of its config and of its weights. */
function neededOf(
	paths: readonly string[],
	label: string,
	{ within, variant }: OpenPartOptions,
): [config: string, weights: string] {
	const folder =
		within && paths.includes(`${within}/config.json`) ? `${within}/` : "";
	const names = [
		...(variant ? [`${stem}.${variant}.safetensors`] : []),
		`${stem}.safetensors`,
		`${stem}.fp16.safetensors`,
	].map((name) => folder + name);
	const weights = names.find((name) => paths.includes(name));
	const config = `${folder}config.json`;
	if (weights && paths.includes(config)) return [config, weights];
	throw new UserError(
		`${label} has no ${weights ? config : `${folder}${stem}.safetensors`}: it is no diffusers folder of ${within === "vae" ? "an autoencoder" : "one network"}; a single file is given by its own name`,
	);
}
