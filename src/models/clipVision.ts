import type { Graph } from "../graph/graph.js";
import {
	type GraphBuilder,
	graphBuilder,
	type Value,
} from "../graph/graphBuilder.js";
import type { GraphFlavour } from "../graph/graphFlavour.js";
import { add } from "../graph/layers/arithmetic.js";
import { layerNorm } from "../graph/layers/layerNorm.js";
import { linear } from "../graph/layers/linear.js";
import { imageToTokens } from "../graph/layers/tokens.js";
import type { Weights } from "../weights/formats/weights.js";
import { clipLayer } from "./clipLayer.js";
import type { ClipVisionConfig } from "./clipVisionConfig.js";

/**
 * CLIP's image encoder (Radford et al. 2021; transformers' CLIPModel or CLIPVisionModelWithProjection) as a graph. Input
 * `pixel_values` [batch, 3, size, size], normalized; output `image_embeds` [batch, projection], not normalized.
 * @throws UserError when a weight is missing or of another shape.
 */
export function buildClipVision(
	config: ClipVisionConfig,
	weights: Weights | null,
	dims: { readonly batch: number },
	flavour?: GraphFlavour,
): Graph {
	const root = graphBuilder(weights, flavour);
	const g = root.at("vision_model");
	const size = [3, config.imageSize, config.imageSize];
	const pixels = root.input(
		"pixel_values",
		["batch", ...size],
		[dims.batch, ...size],
	);
	let x = embeddings(g.at("embeddings"), pixels, config);
	// Spelt so in every checkpoint.
	x = layerNorm(g.at("pre_layrnorm"), x, config.normEpsilon);
	for (let layer = 0; layer < config.layers; layer++)
		x = clipLayer(g.at("encoder.layers", layer), x, config, { causal: false });
	const first = g.node("Gather", [x, g.integers([0])], {
		dims: [dims.batch, 1, config.features],
		attributes: { axis: 1n },
	});
	const pooled = layerNorm(
		g.at("post_layernorm"),
		g.node("Reshape", [first, g.integers([-1, config.features])], {
			dims: [dims.batch, config.features],
		}),
		config.normEpsilon,
	);
	root.output(
		"image_embeds",
		linear(root.at("visual_projection"), pooled, config.projectionFeatures, {
			bias: false,
		}),
	);
	return root.finish();
}

/** The class token and the patches, each with its position: `[batch, 1 + patches, features]`. */
function embeddings(
	g: GraphBuilder,
	pixels: Value,
	{ imageSize, patchSize, features }: ClipVisionConfig,
): Value {
	const [batch] = pixels.dims;
	const side = imageSize / patchSize;
	const weight = g
		.at("patch_embedding")
		.weight("weight", [features, 3, patchSize, patchSize]);
	g.countMultiplyAdds(batch * side * side * features * 3 * patchSize ** 2);
	const patches = imageToTokens(
		g,
		g.node("Conv", [pixels, weight], {
			dims: [batch, features, side, side],
			attributes: {
				kernel_shape: [patchSize, patchSize].map(BigInt),
				strides: [patchSize, patchSize].map(BigInt),
			},
		}),
	);
	const token = g.weight("class_embedding", [features], {
		as: [1, 1, features],
	});
	const count = g.node("Gather", [g.shapeOf(pixels), g.integers([0])], {
		dims: [1],
	});
	const shape = g.node("Concat", [count, g.integers([1, features])], {
		dims: [3],
		attributes: { axis: 0n },
	});
	const tokens = g.node("Expand", [token, shape], {
		dims: [batch, 1, features],
	});
	const all = g.node("Concat", [tokens, patches], {
		dims: [batch, side * side + 1, features],
		attributes: { axis: 1n },
	});
	const positions = g
		.at("position_embedding")
		.weight("weight", [side * side + 1, features]);
	return add(g, all, positions);
}
