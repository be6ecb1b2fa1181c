import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { ofOption } from "../errors/ofOption.js";
import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";
import { foreignFile, headLength } from "../files/foreignFile.js";
import { openSingleFile } from "./checkpoint/singleFile.js";
import { clipTokenizerFolder } from "./clipTokenizer.js";
import { openDiffusersFolder } from "./folder/diffusersFolder.js";
import type { ModelFiles, OpenModelOptions } from "./folder/modelFiles.js";
import { isPickle } from "./folder/weightFileNames.js";
import {
	nodeModelFolder,
	openNodeFile,
	openNodeWeightFile,
} from "./formats/nodeModelFolder.js";
import { type HubId, parseHubId } from "./hub/hubId.js";
import { openHubModel } from "./hub/nodeHubModel.js";
import { modelHash } from "./modelHash.js";
import {
	EMBEDDED_MODEL,
	embeddedFolder,
	embeddedModelNames,
	embeddedModelsFolder,
} from "./nodeEmbeddedModels.js";

/**
 * The files of the model at `where`: a diffusers folder, a single `.safetensors` checkpoint, the name of a model that comes
 * with the package, or a Hub id (`owner/name[@revision]`), which is downloaded unless the cache has it. A path that exists wins
 * over a Hub id of the same spelling, and over an embedded model if it is a model. Without a name it is the embedded model,
 * whatever lies in the current folder. Only headers of weights are read.
 * @throws UserError when it is none of these, or something in it is missing or malformed.
 */
export async function openModel(
	model: string | undefined,
	options: OpenModelOptions = {},
): Promise<ModelFiles> {
	const where = model ?? EMBEDDED_MODEL;
	const place: ModelPlace =
		model === undefined
			? { kind: "folder", path: embeddedFolder }
			: await locateModel(model, options.revision);
	refuseUnused(place, options);
	const files =
		place.kind === "folder"
			? await openDiffusersFolder(
					await nodeModelFolder(place.path, where),
					options,
				)
			: place.kind === "file"
				? await openCheckpoint(place.path, options)
				: await openHubModel(place.id, options);
	return {
		...(place.kind === "file" && { folder: dirname(place.path) }),
		...files,
		hash: await modelHash(files.networks.unet.weights, openNodeWeightFile),
	};
}

/** @throws OptionError for an option that has no use for a model of this kind */
function refuseUnused({ kind }: ModelPlace, options: OpenModelOptions): void {
	for (const option of ["config", "tokenizer"] as const)
		if (kind !== "file" && options[option] !== undefined)
			throw new OptionError(
				option,
				`it is for single files; a ${kind === "hub" ? "model of the Hub" : "diffusers folder"} has its own`,
			);
	if (kind !== "hub" && options.revision !== undefined)
		throw new OptionError("revision", "only models of the Hub have revisions");
}

/** What `where` means. */
export type ModelPlace =
	| { readonly kind: "folder"; readonly path: string }
	| { readonly kind: "file"; readonly path: string }
	| { readonly kind: "hub"; readonly id: HubId };

/**
 * Tells whether a model's name is a folder, a file, the name of an embedded model or a Hub id.
 * @throws UserError when it is none of these.
 */
export async function locateModel(
	where: string,
	revision?: string,
): Promise<ModelPlace> {
	const path = where.replace(/^~(?=$|[/\\])/, homedir());
	const status = where
		? await stat(path).catch((error: NodeJS.ErrnoException) => {
				if (error.code === "EACCES")
					throw new UserError(`${where} cannot be read: permission denied`);
				return undefined;
			})
		: undefined;
	const embedded = await embeddedModelNames();
	if (embedded.includes(where)) {
		const isModel = await stat(join(path, "model_index.json")).then(
			() => true,
			() => false,
		);
		if (!isModel)
			return { kind: "folder", path: join(embeddedModelsFolder, where) };
	}
	if (status?.isDirectory()) return { kind: "folder", path };
	if (status) return { kind: "file", path };
	const looksLikePath =
		/^[./~\\]|^[A-Za-z]:|\\|\/$|\.safetensors$/.test(where) || isPickle(where);
	const id = looksLikePath ? undefined : parseHubId(where, revision);
	if (id) return { kind: "hub", id };
	throw new UserError(
		looksLikePath
			? `${where}: there is no such model folder or file`
			: `"${where}" is no model: give a diffusers folder, a .safetensors file, a Hub id (owner/name)${embedded.length ? ` or ${embedded.join(", ")}` : ""}`,
		{ code: "usage" },
	);
}

async function openCheckpoint(
	path: string,
	options: OpenModelOptions,
): Promise<Omit<ModelFiles, "hash">> {
	const file = await openNodeFile(path);
	if (!/\.safetensors$/i.test(path)) {
		const foreign = foreignFile(await file.read(0, headLength));
		throw new UserError(
			isPickle(path) && (!foreign || /pickle/.test(foreign))
				? `${path} is a pickle (.ckpt, .pt, .bin), which can run code when it is loaded: only .safetensors is read; get the model as .safetensors, or convert it in Python with safetensors.torch.save_file`
				: `${path} is no model${foreign ? `: it is ${foreign}` : ": a checkpoint's name ends with .safetensors"}`,
			{ code: "invalid_input" },
		);
	}
	const { config, tokenizer } = options;
	return openSingleFile(file, {
		...(config && {
			config: await ofOption("config", () => nodeModelFolder(config)),
		}),
		...(tokenizer && {
			tokenizer: await ofOption("tokenizer", () => nodeModelFolder(tokenizer)),
		}),
		clipTokenizers: [
			clipTokenizerFolder(() =>
				readFile(join(embeddedModelsFolder, "clip-tokenizer", "merges.txt.gz")),
			),
		],
	});
}
