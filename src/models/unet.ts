import type { Graph } from "../graph/graph.js";
import {
	type GraphBuilder,
	graphBuilder,
	type Value,
} from "../graph/graphBuilder.js";
import type { GraphFlavour } from "../graph/graphFlavour.js";
import { add, concat } from "../graph/layers/arithmetic.js";
import { conv2d } from "../graph/layers/conv2d.js";
import { groupNorm } from "../graph/layers/groupNorm.js";
import { linear } from "../graph/layers/linear.js";
import { timestepEmbedding } from "../graph/layers/timestepEmbedding.js";
import { upsampleLike } from "../graph/layers/upsample.js";
import type { Weights } from "../weights/formats/weights.js";
import { activate, resnetBlock } from "./resnetBlock.js";
import { type TransformerOptions, transformer } from "./transformer.js";
import type { UnetConfig, UnetLevel } from "./unetConfig.js";
import { sinusoidsOf, type UnetInputs, unetInputs } from "./unetInputs.js";
import { checkUnetPart, skipFeatures, upLayers } from "./unetLayout.js";
import { CROSS_ATTENTION, type UnetDims, type UnetPart } from "./unetPart.js";

/**
 * A UNet (diffusers' UNet2DConditionModel), or the part of one that `part` names, as a graph.
 * Inputs, those it needs of: `sample` [batch, channels, height, width], `timestep` [batch] (or `time_features`, see `GraphFlavour`), `encoder_hidden_states` [batch, tokens, features],
 * `skip_0` … `skip_{S-1}`, `mid`, `deep`, kept cross-attentions, positions of tokens to merge. Outputs: `prediction` if it has a decoder, else the
 * features; then `deep_d`, observed blocks and cross-attentions.
 * With `weights` null only shapes and work are computed.
 * @throws UserError when a weight is missing or of another shape. RangeError when there is no such part, or no such block in it.
 */
export function buildUnet(
	config: UnetConfig,
	weights: Weights | null,
	part: UnetPart,
	dims: UnetDims,
	flavour?: GraphFlavour,
): Graph {
	checkUnetPart(config, part);
	const g = graphBuilder(weights, flavour);
	const observed = new Map<string, Value>();
	const net = unetNetwork(g, config, part, dims, (block, value) => {
		observed.set(block, value);
	});
	const features = unetEncoder(g, net, part.encoder);
	if (part.decoder === "none" || part.features)
		for (const [name, feature] of features) g.output(name, feature);
	if (part.decoder !== "none")
		g.output("prediction", unetDecoder(g, net, part.decoder, features));
	const watched = [
		...(part.deepOutputs ?? []).map((cut) => `deep_${cut}`),
		...(part.observe ?? []),
	];
	for (const name of watched) {
		const value = observed.get(name);
		if (!value)
			throw new RangeError(
				`there is no block ${name} in this part of the UNet, which has ${[...observed.keys()].join(", ")}`,
			);
		g.output(name, value);
	}
	return g.finish();
}

/** Floating-point operations (two a multiply-add) of a part of a UNet at some sizes, from its config alone. */
export function unetFlops(
	config: UnetConfig,
	part: UnetPart,
	dims: UnetDims,
): number {
	return buildUnet(config, null, part, dims).flops;
}

/** What the functions below share: the network's shape, the graph's inputs, and who watches block outputs. */
export interface Network {
	readonly config: UnetConfig;
	readonly inputs: UnetInputs;
	/** What the time embedding adds to every residual block: computed once, and not at all by a part without such blocks. */
	readonly time: () => Value;
	readonly observe: (block: string, value: Value) => void;
	readonly crossAttention: TransformerOptions["crossAttention"];
	/** How tokens of a feature map are merged: at full resolution only, as in tomesd's default (max_downsample 1). */
	readonly merging: (x: Value) => TransformerOptions["merging"];
}

/** What the layers of a UNet, or of a network of the same encoder half, share. */
export function unetNetwork(
	g: GraphBuilder,
	config: UnetConfig,
	part: Pick<UnetPart, "crossAttention" | "mergeTokens">,
	dims: UnetDims,
	observe: (block: string, value: Value) => void = () => {},
): Network {
	const inputs = unetInputs(g, config, dims);
	let time: Value | undefined;
	return {
		config,
		inputs,
		crossAttention: (at, like, compute) => {
			const name = `${CROSS_ATTENTION}${at.scope}`;
			if (part.crossAttention === "input")
				return inputs.crossAttention(name, like);
			const value = compute();
			if (part.crossAttention === "output") g.output(name, value);
			return value;
		},
		merging: ({ dims: [, , height, width] }) =>
			// none at all: OpenVINO does not survive tensors without elements
			part.mergeTokens && height === dims.height && width === dims.width
				? {
						sources: inputs.mergeSources(),
						targets: inputs.mergeTargets(),
						ratio: part.mergeTokens,
					}
				: undefined,
		time: () => {
			time ??= timeEmbedding(g, config, inputs);
			return time;
		},
		observe,
	};
}

/**
 * Skip features by name, as far as `extent` asks for, and `mid` at the end of a full encoder.
 * @param begin what is made of the first convolution's output before all else
 */
export function unetEncoder(
	g: GraphBuilder,
	net: Network,
	extent: UnetPart["encoder"],
	begin: (hidden: Value) => Value = (hidden) => hidden,
): ReadonlyMap<string, Value> {
	if (extent === "none") return new Map();
	const { config, inputs, observe } = net;
	const wanted = extent === "full" ? skipFeatures(config).length : extent;
	const kernel = config.convInKernel;
	let hidden = begin(
		conv2d(g.at("conv_in"), inputs.sample(), config.levels[0].channels, {
			kernel,
		}),
	);
	observe("conv_in", hidden);
	const skips = [hidden];
	for (const [block, level] of config.levels.entries()) {
		if (skips.length >= wanted) break;
		const made = downBlock(g, net, block, level, hidden, wanted - skips.length);
		skips.push(...made);
		hidden = skips[skips.length - 1];
	}
	const features = new Map(skips.map((skip, i) => [`skip_${i}`, skip]));
	if (extent === "full") features.set("mid", midBlock(g, net, hidden));
	return features;
}

/** The skip features of one level, the first `wanted` of them: each layer's output, and the downsampled last one except at the deepest level. */
function downBlock(
	graph: GraphBuilder,
	net: Network,
	block: number,
	level: UnetLevel,
	input: Value,
	wanted: number,
): readonly Value[] {
	const { config, observe } = net;
	const name = `down_blocks.${block}`;
	const g = graph.at(name);
	const isDeepest = block === config.levels.length - 1;
	const skips: Value[] = [];
	let hidden = input;
	for (let layer = 0; layer < level.downLayers; layer++) {
		if (skips.length === wanted) return skips;
		hidden = resnetBlock(
			g.at("resnets", layer),
			hidden,
			level.channels,
			config,
			net.time(),
		);
		if (level.downAttention)
			hidden = textTransformer(g.at("attentions", layer), net, hidden, level);
		observe(`${name}.${layer}`, hidden);
		skips.push(hidden);
	}
	if (skips.length === wanted && !isDeepest) return skips;
	if (!isDeepest) {
		hidden = downsample(g.at("downsamplers.0.conv"), net, hidden);
		skips.push(hidden);
	}
	observe(name, hidden);
	return skips;
}

/** Convolution of stride 2. Without padding in the config, diffusers pads below and to the right only. */
function downsample(g: GraphBuilder, { config }: Network, x: Value): Value {
	return conv2d(g, x, x.dims[1], {
		stride: 2,
		padding: config.downsamplePadding ? [1, 1, 1, 1] : [0, 0, 1, 1],
	});
}

/** Residual block, transformer, residual block at the deepest level. */
function midBlock(graph: GraphBuilder, net: Network, input: Value): Value {
	const { config, observe } = net;
	const g = graph.at("mid_block");
	const level = config.levels[config.levels.length - 1];
	let hidden = input;
	if (config.midBlock !== "none")
		hidden = resnetBlock(
			g.at("resnets.0"),
			hidden,
			level.channels,
			config,
			net.time(),
		);
	if (config.midBlock === "crossAttention") {
		hidden = textTransformer(g.at("attentions.0"), net, hidden, {
			...level,
			onlyCrossAttention: false,
		});
		hidden = resnetBlock(
			g.at("resnets.1"),
			hidden,
			level.channels,
			config,
			net.time(),
		);
	}
	observe("mid_block", hidden);
	return hidden;
}

/** The prediction, from the features at hand and those that are inputs. */
function unetDecoder(
	g: GraphBuilder,
	net: Network,
	extent: "full" | number,
	features: ReadonlyMap<string, Value>,
): Value {
	const { config, inputs, observe } = net;
	const layers = upLayers(config);
	const cut = extent === "full" ? layers.length : extent;
	const skipOf = (index: number) =>
		features.get(`skip_${index}`) ?? inputs.skip(index);
	let hidden =
		extent === "full"
			? (features.get("mid") ?? inputs.mid())
			: inputs.deep(extent);
	for (let left = cut; left > 0; left--) {
		const { block, level, layer, isLast } = layers[layers.length - left];
		observe(`deep_${left}`, hidden);
		hidden = upLayer(
			g.at("up_blocks", block),
			net,
			layer,
			config.levels[level],
			concat(g, hidden, skipOf(left - 1)),
		);
		observe(`up_blocks.${block}.${layer}`, hidden);
		if (!isLast) continue;
		if (level > 0)
			hidden = upsample(
				g.at("up_blocks", block, "upsamplers.0.conv"),
				hidden,
				skipOf(left - 2),
			);
		observe(`up_blocks.${block}`, hidden);
	}
	const { normGroups, normEpsilon, activation } = config;
	hidden = groupNorm(g.at("conv_norm_out"), hidden, normGroups, normEpsilon);
	hidden = activate(g, hidden, activation);
	return conv2d(g.at("conv_out"), hidden, config.outChannels, {
		kernel: config.convOutKernel,
	});
}

/** Residual block and, where the block has attention, transformer; `joined` is the hidden state with its skip feature. */
function upLayer(
	g: GraphBuilder,
	net: Network,
	layer: number,
	level: UnetLevel,
	joined: Value,
): Value {
	const hidden = resnetBlock(
		g.at("resnets", layer),
		joined,
		level.channels,
		net.config,
		net.time(),
	);
	return level.upAttention
		? textTransformer(g.at("attentions", layer), net, hidden, level)
		: hidden;
}

/** Nearest pixels, at the size of the next skip feature, and a convolution. */
function upsample(g: GraphBuilder, x: Value, nextSkip: Value): Value {
	return conv2d(g, upsampleLike(g, x, nextSkip), x.dims[1]);
}

function textTransformer(
	g: GraphBuilder,
	{ config, inputs, crossAttention, merging }: Network,
	x: Value,
	level: UnetLevel,
): Value {
	return transformer(g, x, () => inputs.text(level.crossAttentionDim), {
		heads: level.heads,
		blocks: level.transformerBlocks,
		normGroups: config.normGroups,
		onlyCrossAttention: level.onlyCrossAttention,
		linearProjection: config.linearProjection,
		crossAttention,
		merging: merging(x),
	});
}

/** Timesteps `[batch]` as what residual blocks add: sinusoids, two linear layers, and the activation every block would begin with. */
function timeEmbedding(
	graph: GraphBuilder,
	config: UnetConfig,
	inputs: UnetInputs,
): Value {
	const { timeEmbeddingDim, activation } = config;
	const g = graph.at("time_embedding");
	let hidden =
		g.flavour.sinusoids === "input"
			? inputs.timeFeatures()
			: timestepEmbedding(
					g,
					inputs.timestep(),
					config.levels[0].channels,
					sinusoidsOf(config),
				);
	if (config.guidanceFeatures)
		hidden = add(
			g,
			hidden,
			linear(
				g.at("cond_proj"),
				inputs.guidance(config.guidanceFeatures),
				config.levels[0].channels,
				{ bias: false },
			),
		);
	hidden = linear(g.at("linear_1"), hidden, timeEmbeddingDim);
	hidden = activate(g, hidden, activation);
	hidden = linear(g.at("linear_2"), hidden, timeEmbeddingDim);
	return activate(g, hidden, activation);
}
