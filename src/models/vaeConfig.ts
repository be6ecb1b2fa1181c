import * as z from "zod";
import { UserError } from "../errors/userError.js";
import { checkJson } from "../files/parseJson.js";
import { rejectUnsupported, size, type Unsupported } from "./networkConfig.js";

/** What is to be known of an autoencoder, of whatever kind, by those who use its latents. */
export interface AutoencoderConfig {
	readonly latentChannels: number;
	/** Latents are multiplied by this for the UNet: latents = (encoded - shift) · scaling. The graphs leave it to the caller. */
	readonly scalingFactor: number;
	readonly shiftFactor: number;
	/** Image size the model was trained for: tiles of tiled decoding are this large. */
	readonly sampleSize: number;
	/** Pixels a latent stands for, each way. */
	readonly factor: number;
	/** Whether it is small enough to be run at every step. */
	readonly tiny: boolean;
}

/** An AutoencoderKL's config.json, parsed. */
export interface VaeConfig extends AutoencoderConfig {
	readonly imageChannels: number;
	readonly outChannels: number;
	/** Channels of each level; level 0 is at the image's size. */
	readonly channels: readonly number[];
	readonly layers: number;
	readonly normGroups: number;
	readonly normEpsilon: number;
	readonly activation: "silu" | "gelu";
	readonly midAttention: boolean;
	readonly quantConv: boolean;
	readonly postQuantConv: boolean;
}

/** Defaults are those of diffusers' AutoencoderKL. */
const vaeSchema = z.looseObject({
	in_channels: size.default(3),
	out_channels: size.default(3),
	down_block_types: z.array(z.string()).min(1).max(8),
	up_block_types: z.array(z.string()).min(1).max(8),
	block_out_channels: z.array(size).min(1).max(8),
	layers_per_block: size.max(64).default(1),
	act_fn: z.enum(["silu", "swish", "gelu"]).default("silu"),
	latent_channels: size.default(4),
	norm_num_groups: size.default(32),
	sample_size: z
		.union([size, z.array(size).min(1)])
		.nullish()
		.default(32),
	scaling_factor: z.number().positive().default(0.18215),
	shift_factor: z.number().nullish(),
	use_quant_conv: z.boolean().default(true),
	use_post_quant_conv: z.boolean().default(true),
	mid_block_add_attention: z.boolean().default(true),
});

const unsupported: Unsupported = {
	_class_name: ["AutoencoderKL"],
	latents_mean: [],
	latents_std: [],
};

/** diffusers' constant for the autoencoder's group norms: not in any config. */
const normEpsilon = 1e-6;

/**
 * A VAE's config.json.
 * @throws UserError that names the key and its value when something is malformed, or a kind of VAE that is not supported.
 */
export function parseVaeConfig(
	json: unknown,
	label = "vae/config.json",
): VaeConfig {
	const config = checkJson(vaeSchema, json, label);
	rejectUnsupported(config, unsupported, label);
	checkBlocks(config.down_block_types, "down", "DownEncoderBlock2D");
	checkBlocks(config.up_block_types, "up", "UpDecoderBlock2D");
	const channels = config.block_out_channels;
	for (const count of channels)
		if (count % config.norm_num_groups)
			throw new UserError(
				`${label}: norm_num_groups is ${config.norm_num_groups}: block_out_channels has ${count}, which it does not divide`,
			);
	const sampleSize = config.sample_size ?? 32;
	return {
		imageChannels: config.in_channels,
		outChannels: config.out_channels,
		latentChannels: config.latent_channels,
		channels,
		layers: config.layers_per_block,
		normGroups: config.norm_num_groups,
		normEpsilon,
		activation: config.act_fn === "gelu" ? "gelu" : "silu",
		midAttention: config.mid_block_add_attention,
		quantConv: config.use_quant_conv,
		postQuantConv: config.use_post_quant_conv,
		scalingFactor: config.scaling_factor,
		shiftFactor: config.shift_factor ?? 0,
		sampleSize: typeof sampleSize === "number" ? sampleSize : sampleSize[0],
		factor: 2 ** (channels.length - 1),
		tiny: false,
	};

	function checkBlocks(
		types: readonly string[],
		way: "down" | "up",
		known: string,
	): void {
		const other = types.find((type) => type !== known);
		if (other !== undefined)
			throw new UserError(
				`${label}: ${way}_block_types has "${other}": only ${known} is supported`,
			);
		if (types.length !== config.block_out_channels.length)
			throw new UserError(
				`${label}: ${way}_block_types has ${types.length} items, block_out_channels ${config.block_out_channels.length}: they must be as many`,
			);
	}
}
