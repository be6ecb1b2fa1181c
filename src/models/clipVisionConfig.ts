import * as z from "zod";
import { UserError } from "../errors/userError.js";
import { checkJson } from "../files/parseJson.js";
import {
	type ClipEncoderConfig,
	clipEncoderConfig,
	clipEncoderKeys,
} from "./clipEncoderConfig.js";
import { size } from "./networkConfig.js";

/** The vision part of a CLIP model's config.json, parsed. */
export interface ClipVisionConfig extends ClipEncoderConfig {
	readonly imageSize: number;
	readonly patchSize: number;
	/** Features of the joint text and image space. */
	readonly projectionFeatures: number;
}

/** Defaults are those of transformers' CLIPVisionConfig. */
const clipVisionSchema = z.looseObject({
	image_size: size.default(224),
	patch_size: size.default(32),
	num_channels: z.literal(3).default(3),
	...clipEncoderKeys({ features: 768, feedForwardFeatures: 3072, heads: 12 }),
	projection_dim: size.optional(),
});

const wholeSchema = z.looseObject({
	vision_config: z.looseObject({}).optional(),
	projection_dim: size.default(512),
});

/**
 * The config.json of a whole CLIPModel (its `vision_config`) or of a CLIPVisionModelWithProjection.
 * @throws UserError that names the key and its value when something is malformed or not supported.
 */
export function parseClipVisionConfig(
	json: unknown,
	label = "config.json",
): ClipVisionConfig {
	const whole = checkJson(wholeSchema, json, label);
	const config = checkJson(
		clipVisionSchema,
		whole.vision_config ?? json,
		label,
	);
	if (config.image_size % config.patch_size)
		throw new UserError(
			`${label}: image_size is ${config.image_size}, which is not divisible by patch_size ${config.patch_size}`,
		);
	return {
		imageSize: config.image_size,
		patchSize: config.patch_size,
		...clipEncoderConfig(config, label),
		// A whole model's projection is that of its own level, whatever the parts say.
		projectionFeatures: whole.vision_config
			? whole.projection_dim
			: (config.projection_dim ?? 512),
	};
}
