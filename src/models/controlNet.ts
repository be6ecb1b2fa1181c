import type { Graph } from "../graph/graph.js";
import { graphBuilder } from "../graph/graphBuilder.js";
import type { GraphFlavour } from "../graph/graphFlavour.js";
import { silu } from "../graph/layers/activation.js";
import { add } from "../graph/layers/arithmetic.js";
import { conv2d } from "../graph/layers/conv2d.js";
import type { Weights } from "../weights/formats/weights.js";
import type { ControlNetConfig } from "./controlNetConfig.js";
import { unetEncoder, unetNetwork } from "./unet.js";
import type { UnetDims } from "./unetPart.js";
import type { VaeDims } from "./vaeDecoder.js";

/**
 * A control net (Zhang et al. 2023, arXiv 2302.05543; diffusers' ControlNetModel) as a graph: a UNet's encoder half that sees a picture, and a
 * 1x1 convolution behind each of its features. Inputs `sample`, `timestep`, `encoder_hidden_states` as of a UNet, and `hint`
 * [1, channels, height, width], the picture's embedding (`buildControlHint`), for all samples. Outputs `skip_0` … and `mid`: what is added to
 * the UNet's features of these names.
 * @throws UserError when a weight is missing or of another shape.
 */
export function buildControlNet(
	config: ControlNetConfig,
	weights: Weights | null,
	dims: UnetDims,
	flavour?: GraphFlavour,
): Graph {
	const g = graphBuilder(weights, flavour);
	const net = unetNetwork(g, config.unet, {}, dims);
	const { channels } = config.unet.levels[0];
	const hint = g.input(
		"hint",
		[1, channels, "height", "width"],
		[1, channels, dims.height, dims.width],
	);
	const features = unetEncoder(g, net, "full", (hidden) =>
		add(g, hidden, hint),
	);
	let skips = 0;
	for (const [name, feature] of features) {
		const scope =
			name === "mid"
				? g.at("controlnet_mid_block")
				: g.at("controlnet_down_blocks", skips++);
		g.output(name, conv2d(scope, feature, feature.dims[1], { kernel: 1 }));
	}
	return g.finish();
}

/** Floating-point operations (two a multiply-add) of a run of a control net at some sizes, without the picture's embedding. */
export function controlNetFlops(
	config: ControlNetConfig,
	dims: UnetDims,
): number {
	return buildControlNet(config, null, dims).flops;
}

/**
 * A picture as a control net sees it: `image` [1, channels, height, width], 0 to 1, to `hint` [1, channels, height / 8, width / 8]. The same at
 * every step, so that it is made once a run.
 * @throws UserError when a weight is missing or of another shape.
 */
export function buildControlHint(
	config: ControlNetConfig,
	weights: Weights | null,
	dims: VaeDims,
	flavour?: GraphFlavour,
): Graph {
	const root = graphBuilder(weights, flavour);
	const g = root.at("controlnet_cond_embedding");
	const { imageChannels, embeddingChannels } = config;
	let x = root.input(
		"image",
		["batch", imageChannels, "height", "width"],
		[dims.batch, imageChannels, dims.height, dims.width],
	);
	x = silu(g, conv2d(g.at("conv_in"), x, embeddingChannels[0]));
	for (const [level, channels] of embeddingChannels.slice(0, -1).entries()) {
		x = silu(g, conv2d(g.at("blocks", 2 * level), x, channels));
		x = silu(
			g,
			conv2d(g.at("blocks", 2 * level + 1), x, embeddingChannels[level + 1], {
				stride: 2,
				padding: [1, 1, 1, 1],
			}),
		);
	}
	root.output(
		"hint",
		conv2d(g.at("conv_out"), x, config.unet.levels[0].channels),
	);
	return root.finish();
}
