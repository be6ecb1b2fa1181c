import { ofOption } from "../errors/ofOption.js";
import { OptionError } from "../errors/optionError.js";
import type { EncodeImage } from "../image/encodedImage.js";
import { autoencoder } from "../models/autoencoder.js";
import { nodeFindPlan } from "../propagation/nodeFindTunedPlan.js";
import { chooseEngine, type EngineOptions } from "../runtime/nodeEngines.js";
import {
	findNodeAdapter,
	openNodeAdapterFile,
} from "../weights/adapters/nodeAdapterFile.js";
import type { GroupsAndHeads } from "../weights/checkpoint/checkpointUnet.js";
import type {
	ModelFiles,
	NetworkFiles,
	OpenModelOptions,
} from "../weights/folder/modelFiles.js";
import { modelChannels } from "../weights/folder/modelKind.js";
import { openNodeWeightFile } from "../weights/formats/nodeModelFolder.js";
import { openModel } from "../weights/nodeOpenModel.js";
import { autoencoderPart } from "../weights/parts/autoencoderPart.js";
import { controlNetPart } from "../weights/parts/controlNetPart.js";
import { openNodePart } from "../weights/parts/nodeOpenPart.js";
import { checkOptions } from "./checkOptions.js";
import type { ControlNetFiles } from "./controlNetworks.js";
import { MODEL_HOOKS, MODEL_OPTIONS } from "./modelOptions.js";
import { weightBytes } from "./networks.js";
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
	const controlNets = await openControlNets(
		files.networks.unet.config,
		options,
	);
	return createPipeline(files, engine, {
		openWeightFile: openNodeWeightFile,
		encodeImage: encodeLater,
		findPlan: nodeFindPlan(files.folder),
		controlNets,
		openAdapterFile: (path, signal) =>
			openNodeAdapterFile(path, { onProgress: options.onProgress, signal }),
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
	const vae = await openVae(options.vae, files, options);
	return { ...files, networks: { ...files.networks, vae } };
}

/** The image library is loaded with the first image that is encoded. */
const encodeLater: EncodeImage = async (...image) =>
	(await import("../image/nodeEncodeImage.js")).encodeImage(...image);

/** @throws OptionError when there is no such autoencoder, or its latents are of another kind */
async function openVae(
	where: string,
	{ networks }: Pick<ModelFiles, "networks">,
	options: OpenModelOptions,
): Promise<NetworkFiles> {
	const own = await ofOption("vae", async () => {
		const part = autoencoderPart(
			await openNodePart(where, { ...options, within: "vae" }),
		);
		autoencoder(part.config, part.weights, `${where}: config.json`);
		return part;
	});
	const [given, wanted] = [own, networks.vae].map(
		(vae) => modelChannels(networks.unet, vae).latent,
	);
	if (given !== wanted)
		throw new OptionError(
			"vae",
			`${where} is for latents of ${given} channels, but the model's have ${wanted}: it is for another kind of model`,
		);
	return own;
}

/** @throws OptionError that names the control net that cannot be had */
async function openControlNets(
	unet: unknown,
	{ controlnet = [], ...options }: OpenModelOptions,
): Promise<ControlNetFiles[]> {
	const { norm_num_groups, attention_head_dim, num_attention_heads } = (unet ??
		{}) as GroupsAndHeads;
	const opened: ControlNetFiles[] = [];
	for (const where of [controlnet].flat())
		opened.push(
			await ofOption("controlnet", async () =>
				controlNetPart(await openNodePart(where, options), {
					norm_num_groups,
					attention_head_dim,
					num_attention_heads,
				}),
			),
		);
	return opened;
}
