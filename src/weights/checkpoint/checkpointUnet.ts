import { OptionError } from "../../errors/optionError.js";
import { UserError } from "../../errors/userError.js";
import type { TensorEntry } from "../formats/weights.js";

/** A network of a single-file checkpoint under diffusers' names. */
export interface RenamedNetwork {
	readonly tensors: ReadonlyMap<string, TensorEntry>;
	/**
	 * What its config.json would say, as far as shapes tell it and conventions fill it in.
	 * @throws UserError where they do not.
	 */
	inferConfig(like?: GroupsAndHeads): Readonly<Record<string, unknown>>;
}

/** What shapes do not tell of a UNet's config, from that of a UNet with the same layers. */
export interface GroupsAndHeads {
	readonly norm_num_groups?: unknown;
	readonly attention_head_dim?: unknown;
	readonly num_attention_heads?: unknown;
}

/** Parts of a residual block: CompVis name, diffusers name. */
const resnetParts: readonly (readonly [string, string])[] = [
	["in_layers.0.", "norm1."],
	["in_layers.2.", "conv1."],
	["emb_layers.1.", "time_emb_proj."],
	["out_layers.0.", "norm2."],
	["out_layers.3.", "conv2."],
	["skip_connection.", "conv_shortcut."],
];

const outerParts: readonly (readonly [string, string])[] = [
	["time_embed.0.", "time_embedding.linear_1."],
	["time_embed.2.", "time_embedding.linear_2."],
	["time_embed.cond_proj.", "time_embedding.cond_proj."],
	["input_blocks.0.0.", "conv_in."],
	["out.0.", "conv_norm_out."],
	["out.2.", "conv_out."],
];

/**
 * Names the tensors of a UNet in the original naming (CompVis latent-diffusion `UNetModel`: input_blocks, middle_block,
 * output_blocks; the prefix `model.diffusion_model.` taken off) as diffusers does, and infers its config from their shapes:
 * levels from the downsamplers, `layers_per_block` from the distance between them, channels from the residual blocks'
 * convolutions, cross-attention levels from where there are transformer blocks. What shapes do not tell is as in the
 * published models: 8 heads in 1.x, heads 64 wide in 2.x (known by its linear projections), 32 groups a norm, SiLU.
 * Tensors that are not part of such a UNet are left out.
 * @throws UserError when there are no residual blocks.
 */
export function renameUnet(
	source: ReadonlyMap<string, TensorEntry>,
	label: string,
): RenamedNetwork {
	const layers = layersPerBlock(source, label);
	const tensors = new Map<string, TensorEntry>();
	for (const [original, entry] of source) {
		const name = unetName(original, layers);
		if (name) tensors.set(name, { ...entry, name });
	}
	return {
		tensors,
		inferConfig: (like) => inferUnetConfig(tensors, layers, label, like),
	};
}

/** Input blocks are conv_in, then `layers` residual blocks and a downsampler a level (none after the last). */
function layersPerBlock(
	source: ReadonlyMap<string, TensorEntry>,
	label: string,
): number {
	let first = Number.POSITIVE_INFINITY;
	let last = 0;
	for (const name of source.keys()) {
		const match = /^input_blocks\.(\d{1,3})\.0\.(op\.)?/.exec(name);
		if (!match) continue;
		last = Math.max(last, Number(match[1]));
		if (match[2]) first = Math.min(first, Number(match[1]));
	}
	const layers = Math.min(first - 1, last);
	if (layers < 1)
		throw new UserError(`${label}: its UNet has no residual blocks`);
	return layers;
}

/** diffusers' name of a tensor of a UNet in the original naming; undefined where it is of none. */
export function unetName(original: string, layers: number): string | undefined {
	for (const [from, to] of outerParts)
		if (original.startsWith(from)) return to + original.slice(from.length);
	const match =
		/^(input_blocks|output_blocks)\.(\d{1,3})\.(\d)\.(.+)$/.exec(original) ??
		/^(middle_block)\.()(\d)\.(.+)$/.exec(original);
	if (!match) return undefined;
	const [, part, blockText, unitText, rest] = match;
	const unit = Number(unitText);
	if (part === "middle_block")
		return unit === 1
			? `mid_block.attentions.0.${rest}`
			: resnetName(`mid_block.resnets.${unit / 2}.`, rest);

	const down = part === "input_blocks";
	const index = Number(blockText) - (down ? 1 : 0);
	const level = Math.floor(index / (layers + 1));
	const layer = index % (layers + 1);
	const path = `${down ? "down" : "up"}_blocks.${level}.`;
	if (unit === 0)
		return down && rest.startsWith("op.")
			? `${path}downsamplers.0.conv.${rest.slice("op.".length)}`
			: resnetName(`${path}resnets.${layer}.`, rest);
	if (!down && rest.startsWith("conv.")) return `${path}upsamplers.0.${rest}`;
	return unit === 1 ? `${path}attentions.${layer}.${rest}` : undefined;
}

function resnetName(path: string, rest: string): string | undefined {
	for (const [from, to] of resnetParts)
		if (rest.startsWith(from)) return path + to + rest.slice(from.length);
	return undefined;
}

function inferUnetConfig(
	tensors: ReadonlyMap<string, TensorEntry>,
	layers: number,
	label: string,
	like?: GroupsAndHeads,
): Record<string, unknown> {
	const shapeOf = (name: string): readonly number[] => {
		const entry = tensors.get(name);
		if (!entry)
			throw new UserError(`${label}: its UNet lacks ${name} (diffusers' name)`);
		return entry.shape;
	};
	const channels: number[] = [];
	for (
		let level = 0;
		tensors.has(`down_blocks.${level}.resnets.0.conv1.weight`);
		level++
	)
		channels.push(shapeOf(`down_blocks.${level}.resnets.0.conv1.weight`)[0]);
	const attends = (side: "down" | "up", level: number) =>
		tensors.has(
			`${side}_blocks.${level}.attentions.0.transformer_blocks.0.attn2.to_k.weight`,
		);
	const crossAttention = shapeOf(
		"mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight",
	);
	const linear = shapeOf("mid_block.attentions.0.proj_in.weight").length === 2;
	let depth = 1;
	while (
		tensors.has(
			`mid_block.attentions.0.transformer_blocks.${depth}.norm1.weight`,
		)
	)
		depth++;
	const groups = 32;
	const headWidth = 64;
	if (
		!like &&
		(channels.some((count) => count % groups !== 0) ||
			(linear && channels.some((count) => count % headWidth !== 0)))
	)
		throw new OptionError(
			"config",
			`${label}: what its UNet's ${channels.join(", ")} channels mean (groups, heads) cannot be told from a checkpoint alone; give a diffusers folder with the configs`,
		);
	return {
		_class_name: "UNet2DConditionModel",
		act_fn: "silu",
		attention_head_dim: linear ? channels.map((count) => count / headWidth) : 8,
		block_out_channels: channels,
		center_input_sample: false,
		cross_attention_dim: crossAttention[1],
		down_block_types: channels.map((_, level) =>
			attends("down", level) ? "CrossAttnDownBlock2D" : "DownBlock2D",
		),
		downsample_padding: 1,
		flip_sin_to_cos: true,
		freq_shift: 0,
		in_channels: shapeOf("conv_in.weight")[1],
		layers_per_block: layers,
		mid_block_scale_factor: 1,
		norm_eps: 1e-5,
		norm_num_groups: groups,
		// a control net has none
		out_channels: tensors.get("conv_out.weight")?.shape[0],
		sample_size: 64,
		time_cond_proj_dim: tensors.get("time_embedding.cond_proj.weight")
			?.shape[1],
		transformer_layers_per_block: depth,
		up_block_types: channels.map((_, level) =>
			attends("up", level) ? "CrossAttnUpBlock2D" : "UpBlock2D",
		),
		use_linear_projection: linear,
		...like,
	};
}
