import type { GraphBuilder, Value } from "../graph/graphBuilder.js";
import { add } from "../graph/layers/arithmetic.js";
import { attention } from "../graph/layers/attention.js";
import { groupNorm } from "../graph/layers/groupNorm.js";
import { linear } from "../graph/layers/linear.js";
import { imageToTokens, tokensToImage } from "../graph/layers/tokens.js";
import { type ResnetStyle, resnetBlock } from "./resnetBlock.js";
import type { VaeConfig } from "./vaeConfig.js";

/** The middle of the VAE's encoder and decoder: residual block, attention among all pixels, residual block. */
export function vaeMidBlock(
	g: GraphBuilder,
	x: Value,
	config: VaeConfig & Pick<ResnetStyle, "statistics">,
): Value {
	const channels = x.dims[1];
	let hidden = resnetBlock(g.at("resnets.0"), x, channels, config);
	if (config.midAttention)
		hidden = pixelAttention(g.at("attentions.0"), hidden, config);
	return resnetBlock(g.at("resnets.1"), hidden, channels, config);
}

/** Self-attention among pixels with a single head, added to its input. */
function pixelAttention(
	g: GraphBuilder,
	x: Value,
	config: VaeConfig & Pick<ResnetStyle, "statistics">,
): Value {
	const channels = x.dims[1];
	const { normGroups, normEpsilon, statistics } = config;
	const normalized = groupNorm(
		g.at("group_norm"),
		x,
		normGroups,
		normEpsilon,
		statistics,
	);
	const tokens = imageToTokens(g, normalized);
	const [q, k, v] = ["to_q", "to_k", "to_v"].map((name) =>
		linear(projection(g, name), tokens, channels),
	);
	const mixed = attention(g, q, k, v, { heads: 1 });
	const projected = linear(projection(g, "to_out.0"), mixed, channels);
	return add(g, tokensToImage(g, projected, x), x);
}

/** Names of the projections in files written before diffusers 0.14, such as Stable Diffusion v1.5's own. */
const oldNames: Readonly<Record<string, string>> = {
	to_q: "query",
	to_k: "key",
	to_v: "value",
	"to_out.0": "proj_attn",
};

function projection(g: GraphBuilder, name: string): GraphBuilder {
	return g.has(`${name}.weight`) || !g.has(`${oldNames[name]}.weight`)
		? g.at(name)
		: g.at(oldNames[name]);
}
