import * as z from "zod";
import { UserError } from "../errors/userError.js";
import { size } from "./networkConfig.js";

/** What a config says of the transformer layers, in CLIP's text and vision models alike. */
export interface ClipEncoderConfig {
	readonly features: number;
	readonly feedForwardFeatures: number;
	readonly layers: number;
	readonly heads: number;
	readonly activation: "quick_gelu" | "gelu";
	readonly normEpsilon: number;
}

/** The keys of these layers; their defaults are transformers', which differ between text and vision. */
export const clipEncoderKeys = (defaults: {
	readonly features: number;
	readonly feedForwardFeatures: number;
	readonly heads: number;
}) => ({
	hidden_size: size.default(defaults.features),
	intermediate_size: size.default(defaults.feedForwardFeatures),
	num_hidden_layers: size.max(256).default(12),
	num_attention_heads: size.default(defaults.heads),
	hidden_act: z.enum(["quick_gelu", "gelu"]).default("quick_gelu"),
	layer_norm_eps: z.number().positive().default(1e-5),
});

/** @throws UserError when the heads do not divide the features */
export function clipEncoderConfig(
	config: z.output<z.ZodObject<ReturnType<typeof clipEncoderKeys>>>,
	label: string,
): ClipEncoderConfig {
	if (config.hidden_size % config.num_attention_heads)
		throw new UserError(
			`${label}: hidden_size is ${config.hidden_size}, which is not divisible by num_attention_heads ${config.num_attention_heads}`,
		);
	return {
		features: config.hidden_size,
		feedForwardFeatures: config.intermediate_size,
		layers: config.num_hidden_layers,
		heads: config.num_attention_heads,
		activation: config.hidden_act,
		normEpsilon: config.layer_norm_eps,
	};
}
