import * as z from "zod";
import { checkJson } from "../files/parseJson.js";
import {
	type ClipEncoderConfig,
	clipEncoderConfig,
	clipEncoderKeys,
} from "./clipEncoderConfig.js";
import { size } from "./networkConfig.js";

/** A CLIP text model's config.json, parsed. */
export interface ClipTextConfig extends ClipEncoderConfig {
	readonly vocabSize: number;
	readonly maxTokens: number;
	/** Features of the joint text and image space. */
	readonly projectionFeatures: number;
	/** Token whose first place gives the pooled output; "highest" in files that say 2, which means the place of the highest id (transformers keeps this for old files). */
	readonly endToken: number | "highest";
}

/** Defaults are those of transformers' CLIPTextConfig. */
const clipTextSchema = z.looseObject({
	vocab_size: size.default(49408),
	max_position_embeddings: size.default(77),
	...clipEncoderKeys({ features: 512, feedForwardFeatures: 2048, heads: 8 }),
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
	const config = checkJson(
		clipTextSchema,
		whole.success ? whole.data.text_config : json,
		label,
	);
	return {
		vocabSize: config.vocab_size,
		maxTokens: config.max_position_embeddings,
		...clipEncoderConfig(config, label),
		projectionFeatures: config.projection_dim,
		endToken: config.eos_token_id === 2 ? "highest" : config.eos_token_id,
	};
}
