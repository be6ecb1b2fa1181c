import * as z from "zod";
import { UserError } from "../errors/userError.js";
import { skipFeatures } from "../models/unetLayout.js";
import type { FindPlan } from "../propagation/findPlan.js";
import type { ModelFiles } from "../weights/folder/modelFiles.js";
import type { Networks } from "./networks.js";

/** What a model says about itself. */
export interface ModelDefaults {
	readonly width: number;
	readonly height: number;
	readonly guidanceScale: number;
	/** Whether guidance was distilled into its UNet, which is told the scale. */
	readonly guidanceDistilled?: boolean;
	/** Its scheduler_config.json, as parsed JSON. */
	readonly scheduler: unknown;
	/** Pixels a latent stands for, each way. */
	readonly factor: number;
	/** Layers of its text encoder. */
	readonly textLayers: number;
	/** Skip features of its UNet. */
	readonly skipCount: number;
	/** What tuned plans are looked up by, and where. */
	readonly hash: string;
	readonly label: string;
	readonly findPlan?: FindPlan;
	/** Whether a LoRA that a prompt names can be looked for. */
	readonly findsLora?: (name: string) => boolean;
	/** Whether it takes a mask and a masked picture beside the latents. */
	readonly inpainting?: boolean;
	/** Whether its VAE can turn pictures into latents. */
	readonly encodesPictures?: boolean;
	/** How many control nets there are beside it. */
	readonly controlNets?: number;
	/** Whether decoding several steps in one batch is worth it where it runs. */
	readonly batches: boolean;
}

const DEFAULT_GUIDANCE = 7.5;
/** As diffusers' LatentConsistencyModelPipeline has it. */
const DEFAULT_DISTILLED_GUIDANCE = 8.5;
const DEFAULT_SAMPLE_SIZE = 64;

/** generation_config.json beside model_index.json: transformers' name for how a model wants to be sampled; diffusers ignores it. */
const generationConfig = z.looseObject({
	guidance_scale: z.number().min(0).max(100).optional(),
});

/**
 * What a model's folder says about how it wants to be run.
 * @throws UserError when its generation_config.json is malformed.
 */
export function modelDefaults(
	files: ModelFiles,
	networks: Networks,
	batches: boolean,
	findPlan?: FindPlan,
	findsLora?: ModelDefaults["findsLora"],
): ModelDefaults {
	const generation = generationConfig.safeParse(files.generationConfig ?? {});
	if (!generation.success)
		throw new UserError(
			`${files.label}/generation_config.json: guidance_scale must be a number from 0 to 100`,
		);
	const { factor } = networks.vaeConfig;
	const guidanceDistilled = networks.unetConfig.guidanceFeatures !== undefined;
	const [height, width] = networks.unetConfig.sampleSize ?? [
		DEFAULT_SAMPLE_SIZE,
		DEFAULT_SAMPLE_SIZE,
	];
	return {
		width: width * factor,
		height: height * factor,
		guidanceScale:
			generation.data.guidance_scale ??
			(guidanceDistilled ? DEFAULT_DISTILLED_GUIDANCE : DEFAULT_GUIDANCE),
		guidanceDistilled,
		scheduler: files.scheduler.config,
		factor,
		textLayers: networks.textConfigs.text_encoder.layers,
		inpainting: files.kind === "inpainting",
		encodesPictures: networks.encodesPictures,
		batches,
		skipCount: skipFeatures(networks.unetConfig).length,
		hash: files.hash,
		label: files.label,
		controlNets: networks.controlNets.length,
		findPlan,
		findsLora,
	};
}
