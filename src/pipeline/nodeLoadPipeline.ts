import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";
import type { EncodeImage } from "../image/encodedImage.js";
import { nodeFindPlan } from "../propagation/nodeFindTunedPlan.js";
import { chooseEngine, type EngineOptions } from "../runtime/nodeEngines.js";
import {
	findNodeAdapter,
	openNodeAdapterFile,
} from "../weights/adapters/nodeAdapterFile.js";
import type { OpenModelOptions } from "../weights/folder/modelFiles.js";
import { openNodeWeightFile } from "../weights/formats/nodeModelFolder.js";
import { openModel } from "../weights/nodeOpenModel.js";
import { controlNetPart } from "../weights/parts/controlNetPart.js";
import { openNodePart } from "../weights/parts/nodeOpenPart.js";
import { checkOptions } from "./checkOptions.js";
import type { ControlNetFiles } from "./controlNetworks.js";
import { MODEL_HOOKS, MODEL_OPTIONS } from "./modelOptions.js";
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
	checkOptions(
		MODEL_OPTIONS,
		{ ...options, ...(model !== undefined && { model }) },
		MODEL_HOOKS,
	);
	const { loraDir } = options;
	const files = await openModel(model, options);
	const { engine, precision } = await chooseEngine(options);
	const controlNets = await openControlNets(options);
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

/** The image library is loaded with the first image that is encoded. */
const encodeLater: EncodeImage = async (...image) =>
	(await import("../image/nodeEncodeImage.js")).encodeImage(...image);

/** @throws OptionError that names the control net that cannot be had */
async function openControlNets({
	controlnet = [],
	...options
}: OpenModelOptions): Promise<ControlNetFiles[]> {
	const opened: ControlNetFiles[] = [];
	for (const where of [controlnet].flat())
		try {
			opened.push(controlNetPart(await openNodePart(where, options)));
		} catch (cause) {
			throw cause instanceof UserError
				? new OptionError("controlnet", cause.message, { cause })
				: cause;
		}
	return opened;
}
