import { shorten } from "../../errors/shorten.js";
import { UserError } from "../../errors/userError.js";
import { foreignWeights } from "../checkpoint/foreignWeights.js";
import type { Factor, Weights } from "../formats/weights.js";
import { modelFamily } from "../modelFamily.js";
import type { AdapterFile } from "./openAdapter.js";

/** Vectors that a token of prompts stands for (textual inversion, Gal et al. 2022). */
export interface Embedding {
	/** What prompts call it. */
	readonly token: string;
	/** Twelve hexadecimal digits, as A1111 knows embeddings. */
	readonly hash: string;
	/** `[vectors, features]`, a tensor of `weights`. */
	readonly vectors: Factor;
	readonly weights: Weights;
}

/**
 * The embeddings of a file: A1111's (`emb_params`; `string_to_param`), whose token is the file's name, and diffusers', which names its
 * tokens itself.
 * @param token what to call it instead, where the file holds one
 * @param features the width of the text encoder
 * @throws UserError, one line, when it is no embedding, or one for another text encoder.
 */
export function embeddingsOf(
	{ label, name, hash, weights }: AdapterFile,
	features: number,
	token?: string,
): Embedding[] {
	const refuse = (reason: string): never => {
		throw new UserError(`${label} ${reason}`, { code: "invalid_input" });
	};
	const entries = [...weights.tensors.values()];
	if (entries.some((entry) => /^clip_[lg]$/.test(entry.name)))
		refuse("is an embedding for SDXL, not for this model");
	const names = entries.map((entry) => entry.name);
	const foreign = foreignWeights(names);
	if (foreign && !/textual inversion/.test(foreign))
		refuse(`holds no embedding: it is ${foreign}`);
	const found = entries.flatMap((entry) => {
		const known = /^(emb_params|string_to_param\..+)$/.test(entry.name);
		const { shape } = entry;
		const vectors = shape.length === 1 ? [1, ...shape] : shape;
		if (vectors.length !== 2 || vectors[0] === 0) return [];
		// a network's weights are no tokens
		if (!known && (entries.length > 16 || /\.(weight|bias)$/.test(entry.name)))
			return [];
		return [{ entry, vectors, own: known ? name : entry.name }];
	});
	if (found.length === 0)
		refuse(
			`holds no embedding (emb_params, string_to_param or vectors by their token), but ${entries
				.slice(0, 2)
				.map((entry) => shorten(entry.name))
				.join(", ")}`,
		);
	if (token !== undefined && found.length > 1)
		refuse(
			`holds ${found.length} embeddings, which one token cannot stand for`,
		);
	return found.map(({ entry, vectors, own }) => {
		if (vectors[1] !== features)
			refuse(
				`is an embedding for ${modelFamily(vectors[1])}, but the model is ${modelFamily(features)}`,
			);
		return {
			token: token ?? own,
			hash,
			vectors: { name: entry.name, shape: vectors },
			weights,
		};
	});
}
