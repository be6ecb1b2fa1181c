import { z } from "zod";
import { UserError } from "../errors/userError.js";
import { parseConfig, size } from "./networkConfig.js";

/** The vision part of a CLIP model's config.json, parsed. */
export interface ClipVisionConfig {
	readonly imageSize: number;
	readonly patchSize: number;
	readonly features: number;
	readonly feedForwardFeatures: number;
	readonly layers: number;
	readonly heads: number;
	readonly activation: "quick_gelu" | "gelu";
	readonly normEpsilon: number;
	/** Features of the joint text and image space. */
	readonly projectionFeatures: number;
}

/** Defaults are those of transformers' CLIPVisionConfig. */
const clipVisionSchema = z.looseObject({
	image_size: size.default(224),
	patch_size: size.default(32),
	num_channels: z.literal(3).default(3),
	hidden_size: size.default(768),
	intermediate_size: size.default(3072),
	num_hidden_layers: size.max(256).default(12),
	num_attention_heads: size.default(12),
	hidden_act: z.enum(["quick_gelu", "gelu"]).default("quick_gelu"),
	layer_norm_eps: z.number().positive().default(1e-5),
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
	const whole = parseConfig(wholeSchema, json, label);
	const config = parseConfig(
		clipVisionSchema,
		whole.vision_config ?? json,
		label,
	);
	if (config.hidden_size % config.num_attention_heads)
		throw new UserError(
			`${label}: hidden_size is ${config.hidden_size}, which is not divisible by num_attention_heads ${config.num_attention_heads}`,
		);
	if (config.image_size % config.patch_size)
		throw new UserError(
			`${label}: image_size is ${config.image_size}, which is not divisible by patch_size ${config.patch_size}`,
		);
	return {
		imageSize: config.image_size,
		patchSize: config.patch_size,
		features: config.hidden_size,
		feedForwardFeatures: config.intermediate_size,
		layers: config.num_hidden_layers,
		heads: config.num_attention_heads,
		activation: config.hidden_act,
		normEpsilon: config.layer_norm_eps,
		// A whole model's projection is that of its own level, whatever the parts say.
		projectionFeatures: whole.vision_config
			? whole.projection_dim
			: (config.projection_dim ?? 512),
	};
}
