import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";
import { currentName } from "../folder/networkWeights.js";
import type { TensorEntry } from "../formats/weights.js";
import type { RenamedNetwork } from "./checkpointUnet.js";

/** Layers of the published 2.x models' text encoder: OpenCLIP's ViT-H has 24, of which they use the last but one. */
const openClipLayersUsed = 23;

/** Width of an attention head in every published CLIP text encoder. */
const headWidth = 64;

const openClipParts: readonly (readonly [string, string])[] = [
	["positional_embedding", "text_model.embeddings.position_embedding.weight"],
	["token_embedding.weight", "text_model.embeddings.token_embedding.weight"],
	["ln_final.weight", "text_model.final_layer_norm.weight"],
	["ln_final.bias", "text_model.final_layer_norm.bias"],
];

const openClipLayerParts: readonly (readonly [string, string])[] = [
	["ln_1.", "layer_norm1."],
	["ln_2.", "layer_norm2."],
	["attn.out_proj.", "self_attn.out_proj."],
	["mlp.c_fc.", "mlp.fc1."],
	["mlp.c_proj.", "mlp.fc2."],
];

/**
 * The text encoder of a 1.x checkpoint (transformers' CLIPTextModel; the prefix `cond_stage_model.transformer.` taken off),
 * with or without `text_model.` in its names. Its config is inferred from the shapes; heads are 64 wide, the activation is
 * quick_gelu. The buffer position_ids is left out.
 */
export function renameClipText(
	source: ReadonlyMap<string, TensorEntry>,
	label: string,
): RenamedNetwork {
	const tensors = new Map<string, TensorEntry>();
	for (const [original, entry] of source) {
		const name = currentName("text_encoder", original);
		if (name.startsWith("text_model.") && !name.endsWith(".position_ids"))
			tensors.set(name, { ...entry, name });
	}
	return {
		tensors,
		inferConfig: () => inferTextConfig(tensors, "quick_gelu", label),
	};
}

/**
 * The text encoder of a 2.x checkpoint (OpenCLIP; the prefix `cond_stage_model.model.` taken off) under transformers' names.
 * `attn.in_proj` holds query, key and value above each other: its rows become three tensors over the same bytes. As in the
 * published 2.x folders, layers from the 24th on are dropped (2.x models condition on the last layer but one) and so is the text
 * projection, which they do not use; the activation is gelu.
 * @throws UserError when in_proj cannot be split.
 */
export function renameOpenClipText(
	source: ReadonlyMap<string, TensorEntry>,
	label: string,
): RenamedNetwork {
	const tensors = new Map<string, TensorEntry>();
	const put = (name: string, entry: TensorEntry) =>
		tensors.set(name, { ...entry, name });
	for (const [from, to] of openClipParts) {
		const entry = source.get(from);
		if (entry) put(to, entry);
	}
	for (const [original, entry] of source) {
		const match = /^transformer\.resblocks\.(\d{1,3})\.(.+)$/.exec(original);
		if (!match || Number(match[1]) >= openClipLayersUsed) continue;
		const [, layer, rest] = match;
		const path = `text_model.encoder.layers.${layer}.`;
		const fused = /^attn\.in_proj_(weight|bias)$/.exec(rest);
		if (fused)
			["q_proj", "k_proj", "v_proj"].forEach((part, third) => {
				const name = `${path}self_attn.${part}.${fused[1]}`;
				tensors.set(name, thirdOfRows(entry, name, third, label));
			});
		for (const [from, to] of openClipLayerParts)
			if (rest.startsWith(from))
				put(path + to + rest.slice(from.length), entry);
	}
	return {
		tensors,
		inferConfig: () => inferTextConfig(tensors, "gelu", label),
	};
}

/** Rows third/3 to (third + 1)/3 of a tensor, over the same bytes. */
function thirdOfRows(
	entry: TensorEntry,
	name: string,
	third: number,
	label: string,
): TensorEntry {
	const [count, ...rest] = entry.shape;
	if (count === undefined || count % 3 !== 0 || entry.length % 3 !== 0)
		throw new UserError(
			`${label}: ${entry.name} of [${entry.shape.join(", ")}] cannot be split into query, key and value`,
		);
	const length = entry.length / 3;
	return {
		...entry,
		name,
		shape: [count / 3, ...rest],
		offset: entry.offset + third * length,
		length,
	};
}

function inferTextConfig(
	tensors: ReadonlyMap<string, TensorEntry>,
	activation: string,
	label: string,
): Record<string, unknown> {
	const shapeOf = (name: string): readonly number[] => {
		const entry = tensors.get(name);
		if (entry?.shape.length !== 2)
			throw new UserError(
				`${label}: its text encoder lacks ${name} (transformers' name)`,
			);
		return entry.shape;
	};
	const [vocabulary, width] = shapeOf(
		"text_model.embeddings.token_embedding.weight",
	);
	const [positions] = shapeOf(
		"text_model.embeddings.position_embedding.weight",
	);
	const [intermediate] = shapeOf("text_model.encoder.layers.0.mlp.fc1.weight");
	let layers = 0;
	while (tensors.has(`text_model.encoder.layers.${layers}.layer_norm1.weight`))
		layers++;
	if (width % headWidth !== 0)
		throw new OptionError(
			"config",
			`${label}: how many heads its text encoder of width ${width} has cannot be told from a checkpoint alone; give a diffusers folder with the configs`,
		);
	return {
		architectures: ["CLIPTextModel"],
		bos_token_id: 0,
		eos_token_id: 2,
		hidden_act: activation,
		hidden_size: width,
		intermediate_size: intermediate,
		layer_norm_eps: 1e-5,
		max_position_embeddings: positions,
		model_type: "clip_text_model",
		num_attention_heads: width / headWidth,
		num_hidden_layers: layers,
		pad_token_id: 1,
		projection_dim: width,
		vocab_size: vocabulary,
	};
}
