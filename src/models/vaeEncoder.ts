import type { Graph } from "../graph/graph.js";
import type { Value } from "../graph/graphBuilder.js";
import { type GraphBuilder, graphBuilder } from "../graph/graphBuilder.js";
import type { GraphFlavour } from "../graph/graphFlavour.js";
import { conv2d } from "../graph/layers/conv2d.js";
import { groupNorm } from "../graph/layers/groupNorm.js";
import type { Weights } from "../weights/formats/weights.js";
import { activate, type ResnetStyle, resnetBlock } from "./resnetBlock.js";
import type { VaeConfig } from "./vaeConfig.js";
import type { VaeDims } from "./vaeDecoder.js";
import { vaeMidBlock } from "./vaeMidBlock.js";

/**
 * The VAE's encoder (diffusers' AutoencoderKL.encode) as a graph: `image` [batch, 3, height, width], -1 to 1, to the normal distribution
 * of its latents, `mean` and `logvar` (clamped to -30 … 20) [batch, 4, height / 8, width / 8], before the scaling factor. A sample is
 * mean + exp(logvar / 2) · noise.
 * @param config `statistics` where its norms are to have those of another picture (see `NormStatistics`)
 * @throws UserError when a weight is missing or of another shape.
 */
export function buildVaeEncoder(
	config: VaeConfig & Pick<ResnetStyle, "statistics">,
	weights: Weights | null,
	dims: VaeDims,
	flavour?: GraphFlavour,
): Graph {
	const root = graphBuilder(weights, flavour);
	const g = root.at("encoder");
	const { channels, imageChannels, latentChannels, normGroups, normEpsilon } =
		config;
	let x = root.input(
		"image",
		["batch", imageChannels, "height", "width"],
		[dims.batch, imageChannels, dims.height, dims.width],
	);
	x = conv2d(g.at("conv_in"), x, channels[0]);
	for (const [block, outChannels] of channels.entries()) {
		const down = g.at("down_blocks", block);
		for (let layer = 0; layer < config.layers; layer++)
			x = resnetBlock(down.at("resnets", layer), x, outChannels, config);
		if (block < channels.length - 1)
			x = conv2d(down.at("downsamplers.0.conv"), x, outChannels, {
				stride: 2,
				padding: [0, 0, 1, 1],
			});
	}
	x = vaeMidBlock(g.at("mid_block"), x, config);
	x = groupNorm(
		g.at("conv_norm_out"),
		x,
		normGroups,
		normEpsilon,
		config.statistics,
	);
	x = activate(g, x, config.activation);
	x = conv2d(g.at("conv_out"), x, 2 * latentChannels);
	if (config.quantConv)
		x = conv2d(root.at("quant_conv"), x, 2 * latentChannels, { kernel: 1 });
	root.output("mean", channelRange(g, x, 0, latentChannels));
	const logvar = channelRange(g, x, latentChannels, 2 * latentChannels);
	const bounds = [-30, 20].map((bound) => g.floats(Float32Array.of(bound), []));
	root.output(
		"logvar",
		g.node("Clip", [logvar, ...bounds], { dims: logvar.dims }),
	);
	return root.finish();
}

function channelRange(
	g: GraphBuilder,
	x: Value,
	from: number,
	to: number,
): Value {
	const [batch, , height, width] = x.dims;
	return g.node(
		"Slice",
		[x, g.integers([from]), g.integers([to]), g.integers([1])],
		{ dims: [batch, to - from, height, width] },
	);
}
