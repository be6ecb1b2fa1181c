import { z } from "zod";
import { UserError } from "../errors/userError.js";
import { parseConfig, size } from "./networkConfig.js";

/** A CLIP text model's config.json, parsed. */
export interface ClipTextConfig {
	readonly vocabSize: number;
	readonly maxTokens: number;
	readonly features: number;
	readonly feedForwardFeatures: number;
	readonly layers: number;
	readonly heads: number;
	readonly activation: "quick_gelu" | "gelu";
	readonly normEpsilon: number;
	/** Features of the joint text and image space. */
	readonly projectionFeatures: number;
	/** Token whose first place gives the pooled output; "highest" in files that say 2, which means the place of the highest id (transformers keeps this for old files). */
	readonly endToken: number | "highest";
}

const epsilon = z.number().positive();

/** Defaults are those of transformers' CLIPTextConfig. */
const clipTextSchema = z.looseObject({
	vocab_size: size.default(49408),
	max_position_embeddings: size.default(77),
	hidden_size: size.default(512),
	intermediate_size: size.default(2048),
	num_hidden_layers: size.max(256).default(12),
	num_attention_heads: size.default(8),
	hidden_act: z.enum(["quick_gelu", "gelu"]).default("quick_gelu"),
	layer_norm_eps: epsilon.default(1e-5),
	projection_dim: size.default(512),
	eos_token_id: z.int().min(0).default(49407),
});

/**
 * A CLIP text model's config.json, or the text part of a whole CLIPModel's.
 * @throws UserError that names the key and its value when something is malformed or not supported.
 */
export function parseClipTextConfig(
	json: unknown,
	label = "text_encoder/config.json",
): ClipTextConfig {
	const whole = z.object({ text_config: z.looseObject({}) }).safeParse(json);
	const config = parseConfig(
		clipTextSchema,
		whole.success ? whole.data.text_config : json,
		label,
	);
	if (config.hidden_size % config.num_attention_heads)
		throw new UserError(
			`${label}: hidden_size is ${config.hidden_size}, which is not divisible by num_attention_heads ${config.num_attention_heads}`,
		);
	return {
		vocabSize: config.vocab_size,
		maxTokens: config.max_position_embeddings,
		features: config.hidden_size,
		feedForwardFeatures: config.intermediate_size,
		layers: config.num_hidden_layers,
		heads: config.num_attention_heads,
		activation: config.hidden_act,
		normEpsilon: config.layer_norm_eps,
		projectionFeatures: config.projection_dim,
		endToken: config.eos_token_id === 2 ? "highest" : config.eos_token_id,
	};
}
