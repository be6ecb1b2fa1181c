import { ofOption } from "../errors/ofOption.js";
import type { EncodeImage } from "../image/encodedImage.js";
import { nodeFindPlan } from "../propagation/nodeFindTunedPlan.js";
import { chooseEngine, type EngineOptions } from "../runtime/nodeEngines.js";
import {
	findNodeAdapter,
	openNodeAdapterFile,
} from "../weights/adapters/nodeAdapterFile.js";
import type {
	ModelFiles,
	NamedNetworks,
	OpenModelOptions,
} from "../weights/folder/modelFiles.js";
import { openNodeWeightFile } from "../weights/formats/nodeModelFolder.js";
import { embeddedLoras, isEmbedded } from "../weights/nodeEmbeddedModels.js";
import { openModel } from "../weights/nodeOpenModel.js";
import { openNodePart } from "../weights/parts/nodeOpenPart.js";
import { checkOptions } from "./checkOptions.js";
import type { ControlNetFiles } from "./controlNetworks.js";
import { MODEL_HOOKS, MODEL_OPTIONS } from "./modelOptions.js";
import { controlNetFor, vaeFor } from "./modelParts.js";
import { weightBytes } from "./networkBytes.js";
import {
	createPipeline,
	type Pipeline,
	type PipelineOptions,
} from "./pipeline.js";

/** What `loadPipeline` can be told. */
export type LoadOptions = Omit<PipelineOptions, keyof EngineOptions> &
	OpenModelOptions &
	EngineOptions;

/**
 * Loads a text-to-image model: a diffusers folder, a Hub id (`owner/name[@revision]`), a single `.safetensors` checkpoint,
 * or the model that comes with the package. Only headers and configs are read now; each network is loaded when it is first
 * needed.
 *
 * ```ts
 * const pipeline = await loadPipeline();
 * const [{ image }] = await pipeline.generate({ prompt: "a bowl of ramen", seed: 7 });
 * ```
 * @throws OptionError when an option is wrong; UserError when the model is missing, malformed, or has parts that are not supported
 */
export async function loadPipeline(
	model?: string,
	options: LoadOptions = {},
): Promise<Pipeline> {
	const files = await openModelFiles(model, options);
	const { loraDir } = options;
	const { engine, precision } = await chooseEngine({
		...options,
		weightBytes: weightBytes(Object.values(files.networks)),
	});
	const controlNets = await openControlNets(files.networks, options);
	return createPipeline(files, engine, {
		openWeightFile: openNodeWeightFile,
		encodeImage: encodeLater,
		findPlan: nodeFindPlan(files.folder),
		controlNets,
		openAdapterFile: (path, signal) =>
			openNodeAdapterFile(path, { onProgress: options.onProgress, signal }),
		...(isEmbedded(files.folder) && { ownLoras: await embeddedLoras() }),
		...(loraDir !== undefined && {
			findLora: (name: string) => findNodeAdapter(loraDir, name),
		}),
		...options,
		precision,
	});
}

/**
 * The files of a model, with the autoencoder that the options name in place of its own.
 * @throws as `loadPipeline` does
 */
export async function openModelFiles(
	model: string | undefined,
	options: LoadOptions,
): Promise<ModelFiles> {
	checkOptions(
		MODEL_OPTIONS,
		{ ...options, ...(model !== undefined && { model }) },
		MODEL_HOOKS,
	);
	const files = await openModel(model, options);
	if (options.vae === undefined) return files;
	const { vae: where } = options;
	const vae = await ofOption("vae", async () =>
		vaeFor(
			files.networks,
			await openNodePart(where, { ...options, within: "vae" }),
			where,
		),
	);
	return { ...files, networks: { ...files.networks, vae } };
}

/** The image library is loaded with the first image that is encoded. */
const encodeLater: EncodeImage = async (...image) =>
	(await import("../image/nodeEncodeImage.js")).encodeImage(...image);

/** @throws OptionError that names the control net that cannot be had */
async function openControlNets(
	networks: NamedNetworks,
	{ controlnet = [], ...options }: OpenModelOptions,
): Promise<ControlNetFiles[]> {
	const opened: ControlNetFiles[] = [];
	for (const where of [controlnet].flat())
		opened.push(
			await ofOption("controlnet", async () =>
				controlNetFor(networks, await openNodePart(where, options)),
			),
		);
	return opened;
}
