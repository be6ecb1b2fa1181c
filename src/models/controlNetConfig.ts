import * as z from "zod";
import { OptionError } from "../errors/optionError.js";
import { checkJson } from "../files/parseJson.js";
import { modelFamily } from "../weights/modelFamily.js";
import { rejectUnsupported, size, type Unsupported } from "./networkConfig.js";
import { parseUnetConfig, type UnetConfig } from "./unetConfig.js";

/** A ControlNetModel's config.json, parsed: the encoder half of a UNet, and how it takes a picture. */
export interface ControlNetConfig {
	/** Its up blocks mean nothing: it has none. */
	readonly unet: UnetConfig;
	/** Channels of the picture. */
	readonly imageChannels: number;
	/** Whether it was trained on pictures whose channels stand blue first. */
	readonly blueFirst: boolean;
	/** Channels of the picture's embedding; between two of them height and width are halved. */
	readonly embeddingChannels: readonly number[];
}

/** Defaults are those of diffusers' ControlNetModel. */
const controlNetSchema = z.looseObject({
	down_block_types: z.array(z.string()).min(1).max(8),
	conditioning_channels: size.max(16).default(3),
	controlnet_conditioning_channel_order: z.enum(["rgb", "bgr"]).default("rgb"),
	conditioning_embedding_out_channels: z
		.array(size)
		.min(2)
		.max(8)
		.default([16, 32, 96, 256]),
});

const unsupported: Unsupported = {
	_class_name: ["ControlNetModel"],
	// they weight the two halves of guidance differently
	global_pool_conditions: [false],
};

/**
 * A control net's config.json.
 * @throws UserError that names the key and its value when something is malformed, or a kind of control net that is not supported.
 */
export function parseControlNetConfig(
	json: unknown,
	label = "config.json",
): ControlNetConfig {
	const config = checkJson(controlNetSchema, json, label);
	rejectUnsupported(config, unsupported, label);
	return {
		unet: parseUnetConfig(
			{
				...config,
				_class_name: "UNet2DConditionModel",
				up_block_types: config.down_block_types.map(() => "UpBlock2D"),
			},
			label,
		),
		imageChannels: config.conditioning_channels,
		blueFirst: config.controlnet_conditioning_channel_order === "bgr",
		embeddingChannels: config.conditioning_embedding_out_channels,
	};
}

/**
 * @throws OptionError when a control net cannot be added to a UNet: it says what it is for where that can be told.
 */
export function checkControlFits(
	{ unet: own }: ControlNetConfig,
	unet: UnetConfig,
	label: string,
): void {
	const shape = ({ levels }: UnetConfig) =>
		levels
			.map(({ channels, downLayers }) => `${channels}x${downLayers}`)
			.join(" ");
	const text = ({ levels }: UnetConfig) => levels[0].crossAttentionDim;
	if (shape(own) === shape(unet) && text(own) === text(unet)) return;
	const [its, wanted] = [text(own), text(unet)].map(modelFamily);
	throw new OptionError(
		"controlnet",
		its === wanted
			? `${label} is for a UNet of other blocks: ${shape(own)}, not ${shape(unet)}`
			: `${label} is for ${its}, but the model is ${wanted}`,
	);
}
