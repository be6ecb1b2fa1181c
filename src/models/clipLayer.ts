import type { GraphBuilder, Value } from "../graph/graphBuilder.js";
import { gelu, quickGelu } from "../graph/layers/activation.js";
import { add } from "../graph/layers/arithmetic.js";
import { attention } from "../graph/layers/attention.js";
import { layerNorm } from "../graph/layers/layerNorm.js";
import { linear } from "../graph/layers/linear.js";

/** What the layers of a CLIP transformer have in common, of the text or of the vision model. */
export interface ClipLayerStyle {
	readonly heads: number;
	readonly feedForwardFeatures: number;
	readonly activation: "quick_gelu" | "gelu";
	readonly normEpsilon: number;
}

/** One layer of a CLIP transformer on `[batch, tokens, features]`: self-attention and feed-forward, each normalized before and added. */
export function clipLayer(
	g: GraphBuilder,
	x: Value,
	style: ClipLayerStyle,
	{ causal }: { causal: boolean },
): Value {
	const features = x.dims[2];
	const { heads, normEpsilon } = style;
	let hidden = layerNorm(g.at("layer_norm1"), x, normEpsilon);
	const q = linear(g.at("self_attn.q_proj"), hidden, features);
	const k = linear(g.at("self_attn.k_proj"), hidden, features);
	const v = linear(g.at("self_attn.v_proj"), hidden, features);
	hidden = attention(g, q, k, v, { heads, causal });
	const sum = add(g, linear(g.at("self_attn.out_proj"), hidden, features), x);
	hidden = layerNorm(g.at("layer_norm2"), sum, normEpsilon);
	hidden = linear(g.at("mlp.fc1"), hidden, style.feedForwardFeatures);
	hidden = style.activation === "gelu" ? gelu(g, hidden) : quickGelu(g, hidden);
	return add(g, linear(g.at("mlp.fc2"), hidden, features), sum);
}
