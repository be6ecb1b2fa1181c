import * as z from "zod";
import { UserError } from "../errors/userError.js";
import { checkJson } from "../files/parseJson.js";
import type { Graph } from "../graph/graph.js";
import {
	type GraphBuilder,
	graphBuilder,
	type Value,
} from "../graph/graphBuilder.js";
import type { GraphFlavour } from "../graph/graphFlavour.js";
import { add, multiply } from "../graph/layers/arithmetic.js";
import { conv2d } from "../graph/layers/conv2d.js";
import { upsampledConv } from "../graph/layers/upsample.js";
import type { Weights } from "../weights/formats/weights.js";
import { rejectUnsupported, size, type Unsupported } from "./networkConfig.js";
import type { AutoencoderConfig } from "./vaeConfig.js";
import type { VaeDims } from "./vaeDecoder.js";

/** An AutoencoderTiny's config.json, parsed (TAESD, github.com/madebyollin/taesd): small enough to look at every step. */
export interface TinyAutoencoderConfig extends AutoencoderConfig {
	readonly imageChannels: number;
	readonly outChannels: number;
	/** Channels of each level of the encoder, from the image on, and of the decoder, from the latents on; and their residual blocks. */
	readonly encoder: TinyLevels;
	readonly decoder: TinyLevels;
}

interface TinyLevels {
	readonly channels: readonly number[];
	readonly blocks: readonly number[];
}

const list = z.array(size.max(4096)).min(1).max(8);
/** Defaults are those of diffusers' AutoencoderTiny. */
const tinySchema = z.looseObject({
	in_channels: size.default(3),
	out_channels: size.default(3),
	latent_channels: size.default(4),
	encoder_block_out_channels: list.default([64, 64, 64, 64]),
	decoder_block_out_channels: list.default([64, 64, 64, 64]),
	num_encoder_blocks: list.default([1, 3, 3, 3]),
	num_decoder_blocks: list.default([3, 3, 3, 1]),
	scaling_factor: z.number().positive().default(1),
	shift_factor: z.number().nullish(),
});

const unsupported: Unsupported = {
	_class_name: ["AutoencoderTiny"],
	act_fn: ["relu"],
	upsample_fn: ["nearest"],
	upsampling_scaling_factor: [2],
};

/** Beyond this, latents are bent towards it (diffusers' constant). */
const LIMIT = 3;
/** Pixels of a tile of tiled decoding: it has no attention, so that tiles differ little from the whole. */
const TILE = 512;

/** @throws UserError that names the key and its value when something is malformed or not supported. */
export function parseTinyConfig(
	json: unknown,
	label = "vae/config.json",
): TinyAutoencoderConfig {
	const config = checkJson(tinySchema, json, label);
	rejectUnsupported(config, unsupported, label);
	const levels = (way: "encoder" | "decoder"): TinyLevels => {
		const channels = config[`${way}_block_out_channels`];
		const blocks = config[`num_${way}_blocks`];
		if (channels.length !== blocks.length)
			throw new UserError(
				`${label}: ${way}_block_out_channels has ${channels.length} items, num_${way}_blocks ${blocks.length}: they must be as many`,
			);
		if (new Set(channels).size > 1)
			throw new UserError(
				`${label}: ${way}_block_out_channels is ${channels.join(", ")}: only levels of equally many channels are supported`,
			);
		return { channels, blocks };
	};
	const [encoder, decoder] = [levels("encoder"), levels("decoder")];
	if (encoder.blocks.length !== decoder.blocks.length)
		throw new UserError(
			`${label}: the encoder has ${encoder.blocks.length} levels, the decoder ${decoder.blocks.length}`,
		);
	return {
		imageChannels: config.in_channels,
		outChannels: config.out_channels,
		latentChannels: config.latent_channels,
		encoder,
		decoder,
		scalingFactor: config.scaling_factor,
		shiftFactor: config.shift_factor ?? 0,
		sampleSize: TILE,
		factor: 2 ** (decoder.blocks.length - 1),
		tiny: true,
	};
}

/**
 * The decoder of a tiny autoencoder as a graph: `latents` [batch, 4, height, width], as the UNet has them divided by the scaling factor (1), to
 * `image` [batch, 3, height · 8, width · 8], about -1 to 1.
 * @throws UserError when a weight is missing or of another shape.
 */
export function buildTinyDecoder(
	{ latentChannels, outChannels, decoder }: TinyAutoencoderConfig,
	weights: Weights | null,
	dims: VaeDims,
	flavour?: GraphFlavour,
): Graph {
	const root = graphBuilder(weights, flavour);
	const g = root.at("decoder.layers");
	const { channels, blocks } = decoder;
	const latents = root.input(
		"latents",
		["batch", latentChannels, "height", "width"],
		[dims.batch, latentChannels, dims.height, dims.width],
	);
	const bent = g.node("Tanh", [scaled(g, latents, 1 / LIMIT)], {
		dims: latents.dims,
	});
	// layers are counted as in the files, where activations and enlarging have numbers too
	let layer = 0;
	let x = conv2d(g.at(layer), scaled(g, bent, LIMIT), channels[0]);
	x = relu(g, x);
	layer += 2;
	for (const [level, count] of blocks.entries()) {
		for (let block = 0; block < count; block++) x = tinyBlock(g.at(layer++), x);
		if (level === blocks.length - 1) {
			x = conv2d(g.at(layer), x, outChannels);
		} else {
			layer++;
			x = upsampledConv(g.at(layer++), x, channels[level], { bias: false });
		}
	}
	root.output("image", shifted(g, scaled(g, x, 2), -1));
	return root.finish();
}

/**
 * The encoder of a tiny autoencoder as a graph: `image` [batch, 3, height, width], -1 to 1, to `mean` [batch, 4, height / 8, width / 8]: its
 * latents are no distribution.
 * @throws UserError when a weight is missing or of another shape.
 */
export function buildTinyEncoder(
	{ latentChannels, imageChannels, encoder }: TinyAutoencoderConfig,
	weights: Weights | null,
	dims: VaeDims,
	flavour?: GraphFlavour,
): Graph {
	const root = graphBuilder(weights, flavour);
	const g = root.at("encoder.layers");
	const { channels, blocks } = encoder;
	const image = root.input(
		"image",
		["batch", imageChannels, "height", "width"],
		[dims.batch, imageChannels, dims.height, dims.width],
	);
	let x = scaled(g, shifted(g, image, 1), 0.5);
	let layer = 0;
	for (const [level, count] of blocks.entries()) {
		x =
			level === 0
				? conv2d(g.at(layer++), x, channels[level])
				: conv2d(g.at(layer++), x, channels[level], {
						stride: 2,
						padding: [1, 1, 1, 1],
						bias: false,
					});
		for (let block = 0; block < count; block++) x = tinyBlock(g.at(layer++), x);
	}
	root.output("mean", conv2d(g.at(layer), x, latentChannels));
	return root.finish();
}

/** Three convolutions beside a shortcut. */
function tinyBlock(g: GraphBuilder, x: Value): Value {
	const channels = x.dims[1];
	let hidden = relu(g, conv2d(g.at("conv.0"), x, channels));
	hidden = relu(g, conv2d(g.at("conv.2"), hidden, channels));
	return relu(g, add(g, conv2d(g.at("conv.4"), hidden, channels), x));
}

const relu = (g: GraphBuilder, x: Value) =>
	g.node("Relu", [x], { dims: x.dims });
const scaled = (g: GraphBuilder, x: Value, by: number) =>
	multiply(g, x, g.floats(Float32Array.of(by), [1]));
const shifted = (g: GraphBuilder, x: Value, by: number) =>
	add(g, x, g.floats(Float32Array.of(by), [1]));
