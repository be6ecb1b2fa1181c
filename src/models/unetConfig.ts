import * as z from "zod";
import { UserError } from "../errors/userError.js";
import { checkJson } from "../files/parseJson.js";
import {
	levels,
	perLevel,
	rejectUnsupported,
	size,
	type Unsupported,
} from "./networkConfig.js";

/** One level of the UNet: a down block, and the up block that mirrors it. Level 0 is the outermost, at full size. */
export interface UnetLevel {
	readonly channels: number;
	/** Resnet blocks (and transformers) of the down block; the up block has one more. */
	readonly downLayers: number;
	readonly upLayers: number;
	readonly downAttention: boolean;
	readonly upAttention: boolean;
	readonly heads: number;
	/** Transformer blocks in each transformer. */
	readonly transformerBlocks: number;
	/** Features of the text states that this level attends to. */
	readonly crossAttentionDim: number;
	/** The transformers' first attention is over the text too. */
	readonly onlyCrossAttention: boolean;
}

export type UnetMidBlock = "crossAttention" | "resnet" | "none";

/** A UNet2DConditionModel's config.json, parsed: SD 1.x and 2.x and what has their parts. */
export interface UnetConfig {
	readonly inChannels: number;
	readonly outChannels: number;
	readonly levels: readonly UnetLevel[];
	readonly midBlock: UnetMidBlock;
	readonly normGroups: number;
	readonly normEpsilon: number;
	readonly activation: "silu" | "gelu";
	readonly timeEmbeddingDim: number;
	/** Features of the guidance scale, where guidance was distilled into the network (latent consistency models): it takes them as an input. */
	readonly guidanceFeatures?: number;
	readonly linearProjection: boolean;
	readonly flipSinToCos: boolean;
	readonly freqShift: number;
	readonly convInKernel: number;
	readonly convOutKernel: number;
	readonly downsamplePadding: number;
	/** Latents' height and width that the model was trained for, when the file says. */
	readonly sampleSize?: readonly [height: number, width: number];
}

const midBlocks: Readonly<Record<string, UnetMidBlock>> = {
	UNetMidBlock2DCrossAttn: "crossAttention",
	UNetMidBlock2D: "resnet",
};

const activations: Readonly<Record<string, UnetConfig["activation"]>> = {
	silu: "silu",
	swish: "silu",
	gelu: "gelu",
};

const oddKernel = z
	.int()
	.min(1)
	.max(15)
	.refine((kernel) => kernel % 2 === 1, "must be odd");

/** Defaults are those of diffusers' UNet2DConditionModel. */
const unetSchema = z.looseObject({
	in_channels: size.default(4),
	out_channels: size.default(4),
	sample_size: z.union([size, z.tuple([size, size])]).nullish(),
	flip_sin_to_cos: z.boolean().default(true),
	freq_shift: z.number().default(0),
	down_block_types: z.array(z.string()).min(1).max(8),
	up_block_types: z.array(z.string()).min(1).max(8),
	mid_block_type: z.string().nullable().default("UNetMidBlock2DCrossAttn"),
	block_out_channels: z.array(size).min(1).max(8),
	layers_per_block: perLevel(size.max(64)).default(2),
	downsample_padding: z.int().min(0).max(1).default(1),
	act_fn: z.string().default("silu"),
	norm_num_groups: size.default(32),
	norm_eps: z.number().positive().default(1e-5),
	cross_attention_dim: perLevel(size).default(1280),
	transformer_layers_per_block: perLevel(size.max(64)).default(1),
	attention_head_dim: perLevel(size).nullable().default(8),
	num_attention_heads: perLevel(size).nullish(),
	only_cross_attention: perLevel(z.boolean()).default(false),
	use_linear_projection: z.boolean().default(false),
	upcast_attention: z.boolean().default(false),
	time_embedding_dim: size.nullish(),
	time_cond_proj_dim: size.multipleOf(2).nullish(),
	conv_in_kernel: oddKernel.default(3),
	conv_out_kernel: oddKernel.default(3),
});

const unsupported: Unsupported = {
	_class_name: ["UNet2DConditionModel"],
	addition_embed_type: [],
	addition_time_embed_dim: [],
	attention_type: ["default"],
	center_input_sample: [false],
	class_embed_type: [],
	class_embeddings_concat: [false],
	cross_attention_norm: [],
	dual_cross_attention: [false],
	encoder_hid_dim: [],
	encoder_hid_dim_type: [],
	mid_block_scale_factor: [1],
	num_class_embeds: [],
	resnet_out_scale_factor: [1],
	resnet_skip_time_act: [false],
	resnet_time_scale_shift: ["default"],
	reverse_transformer_layers_per_block: [],
	time_embedding_act_fn: [],
	time_embedding_type: ["positional"],
	timestep_post_act: [],
};

/**
 * A UNet's config.json. `attention_head_dim` is the *number* of heads, as diffusers has it (`num_attention_heads` wins when it is there).
 * @throws UserError that names the key and its value when something is malformed, or a kind of UNet that is not supported.
 */
export function parseUnetConfig(
	json: unknown,
	label = "unet/config.json",
): UnetConfig {
	const config = checkJson(unetSchema, json, label);
	rejectUnsupported(config, unsupported, label);
	const count = config.block_out_channels.length;
	const list = <Item>(key: string, value: Item | readonly Item[]) =>
		levels(value, count, key, label);
	const downTypes = list("down_block_types", config.down_block_types);
	const upTypes = list("up_block_types", config.up_block_types).toReversed();
	const layers = list("layers_per_block", config.layers_per_block);
	const heads = list(
		"attention_head_dim",
		config.num_attention_heads ?? config.attention_head_dim ?? 8,
	);
	const textDims = list("cross_attention_dim", config.cross_attention_dim);
	const transformers = list(
		"transformer_layers_per_block",
		config.transformer_layers_per_block,
	);
	const crossOnly = list("only_cross_attention", config.only_cross_attention);
	const activation = activations[config.act_fn];
	if (!activation)
		throw new UserError(
			`${label}: act_fn is "${config.act_fn}": only silu, swish and gelu are supported`,
		);
	const parsed: UnetConfig = {
		inChannels: config.in_channels,
		outChannels: config.out_channels,
		levels: config.block_out_channels.map((channels, level) => ({
			channels,
			downLayers: layers[level],
			upLayers: layers[level] + 1,
			downAttention: hasAttention(downTypes[level], "Down", label),
			upAttention: hasAttention(upTypes[level], "Up", label),
			heads: heads[level],
			transformerBlocks: transformers[level],
			crossAttentionDim: textDims[level],
			onlyCrossAttention: crossOnly[level],
		})),
		midBlock: midBlockOf(config.mid_block_type, label),
		normGroups: config.norm_num_groups,
		normEpsilon: config.norm_eps,
		activation,
		timeEmbeddingDim:
			config.time_embedding_dim ?? 4 * config.block_out_channels[0],
		guidanceFeatures: config.time_cond_proj_dim ?? undefined,
		linearProjection: config.use_linear_projection,
		flipSinToCos: config.flip_sin_to_cos,
		freqShift: config.freq_shift,
		convInKernel: config.conv_in_kernel,
		convOutKernel: config.conv_out_kernel,
		downsamplePadding: config.downsample_padding,
		sampleSize:
			typeof config.sample_size === "number"
				? [config.sample_size, config.sample_size]
				: (config.sample_size ?? undefined),
	};
	checkDivisions(parsed, label);
	return parsed;
}

function hasAttention(
	type: string,
	way: "Down" | "Up",
	label: string,
): boolean {
	if (type === `CrossAttn${way}Block2D`) return true;
	if (type === `${way}Block2D`) return false;
	throw new UserError(
		`${label}: ${way.toLowerCase()}_block_types has "${type}": only CrossAttn${way}Block2D and ${way}Block2D are supported`,
	);
}

function midBlockOf(type: string | null, label: string): UnetMidBlock {
	const block = type === null ? "none" : midBlocks[type];
	if (!block)
		throw new UserError(
			`${label}: mid_block_type is "${type}": only ${Object.keys(midBlocks).join(", ")} and null are supported`,
		);
	return block;
}

function checkDivisions(config: UnetConfig, label: string): void {
	if (config.levels[0].channels % 2)
		throw new UserError(
			`${label}: block_out_channels begins with ${config.levels[0].channels}: must be even`,
		);
	for (const { channels, heads } of config.levels) {
		if (channels % config.normGroups)
			throw new UserError(
				`${label}: norm_num_groups is ${config.normGroups}: block_out_channels has ${channels}, which it does not divide`,
			);
		if (channels % heads)
			throw new UserError(
				`${label}: attention_head_dim is ${heads}: block_out_channels has ${channels}, which is not divisible by this number of heads`,
			);
	}
}
