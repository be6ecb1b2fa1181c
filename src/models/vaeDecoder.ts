import type { Graph } from "../graph/graph.js";
import { graphBuilder } from "../graph/graphBuilder.js";
import type { GraphFlavour } from "../graph/graphFlavour.js";
import { conv2d } from "../graph/layers/conv2d.js";
import { groupNorm } from "../graph/layers/groupNorm.js";
import { upsampledConv } from "../graph/layers/upsample.js";
import type { Weights } from "../weights/formats/weights.js";
import { activate, type ResnetStyle, resnetBlock } from "./resnetBlock.js";
import type { VaeConfig } from "./vaeConfig.js";
import { vaeMidBlock } from "./vaeMidBlock.js";

/** Sizes a VAE graph is counted for: of its input, latents for the decoder and the image for the encoder. */
export interface VaeDims {
	readonly batch: number;
	readonly height: number;
	readonly width: number;
}

/**
 * The VAE's decoder (diffusers' AutoencoderKL.decode) as a graph: `latents` [batch, 4, height, width], already divided by the scaling
 * factor (and the shift added), to `image` [batch, 3, height · 8, width · 8], about -1 to 1, not clamped.
 * @param config `statistics` where its norms are to have those of another picture (see `NormStatistics`)
 * @throws UserError when a weight is missing or of another shape.
 */
export function buildVaeDecoder(
	config: VaeConfig & Pick<ResnetStyle, "statistics">,
	weights: Weights | null,
	dims: VaeDims,
	flavour?: GraphFlavour,
): Graph {
	const root = graphBuilder(weights, flavour);
	const g = root.at("decoder");
	const { channels, latentChannels, normGroups, normEpsilon } = config;
	let x = root.input(
		"latents",
		["batch", latentChannels, "height", "width"],
		[dims.batch, latentChannels, dims.height, dims.width],
	);
	if (config.postQuantConv)
		x = conv2d(root.at("post_quant_conv"), x, latentChannels, { kernel: 1 });
	x = conv2d(g.at("conv_in"), x, channels[channels.length - 1]);
	x = vaeMidBlock(g.at("mid_block"), x, config);
	for (const [block, outChannels] of channels.toReversed().entries()) {
		const up = g.at("up_blocks", block);
		for (let layer = 0; layer <= config.layers; layer++)
			x = resnetBlock(up.at("resnets", layer), x, outChannels, config);
		if (block < channels.length - 1)
			x = upsampledConv(up.at("upsamplers.0.conv"), x, outChannels);
	}
	x = groupNorm(
		g.at("conv_norm_out"),
		x,
		normGroups,
		normEpsilon,
		config.statistics,
	);
	x = activate(g, x, config.activation);
	root.output("image", conv2d(g.at("conv_out"), x, config.outChannels));
	return root.finish();
}
