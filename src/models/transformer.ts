import type { GraphBuilder, Value } from "../graph/graphBuilder.js";
import { add } from "../graph/layers/arithmetic.js";
import { attention } from "../graph/layers/attention.js";
import { geglu } from "../graph/layers/geglu.js";
import { groupNorm } from "../graph/layers/groupNorm.js";
import { layerNorm } from "../graph/layers/layerNorm.js";
import { linear } from "../graph/layers/linear.js";
import {
	type MergingOptions,
	tokenMerging,
} from "../graph/layers/tokenMerging.js";
import { imageToTokens, tokensToImage } from "../graph/layers/tokens.js";

export interface TransformerOptions {
	readonly heads: number;
	readonly blocks: number;
	readonly normGroups: number;
	readonly onlyCrossAttention: boolean;
	/** proj_in and proj_out are linear layers in the file (SD 2.x), not 1x1 convolutions (1.x). */
	readonly linearProjection: boolean;
	/**
	 * What an attention over the text adds to its input, which is like `like`: `compute()`, or what was kept of an earlier run. `at` is the
	 * attention's scope.
	 */
	readonly crossAttention: (
		at: GraphBuilder,
		like: Value,
		compute: () => Value,
	) => Value;
	/** Tokens to merge in the self-attentions, if any. */
	readonly merging?: MergingOptions;
}

/** diffusers' constants for its spatial transformer: not in any config. */
const groupNormEpsilon = 1e-6;
const layerNormEpsilon = 1e-5;
const feedForwardFactor = 4;

/**
 * Spatial transformer (diffusers' Transformer2DModel): pixels as tokens, that attend to each other and to the text
 * `[batch, tokens, features]` (asked for only where it is needed), on `[batch, channels, height, width]`. Its projections are the same sums whether the file has them as 1x1
 * convolutions (SD 1.x) or linear layers (2.x).
 */
export function transformer(
	g: GraphBuilder,
	x: Value,
	text: () => Value,
	options: TransformerOptions,
): Value {
	const channels = x.dims[1];
	const normalized = groupNorm(
		g.at("norm"),
		x,
		options.normGroups,
		groupNormEpsilon,
	);
	let tokens = imageToTokens(g, normalized);
	const projection = { storedAsConvolution: !options.linearProjection };
	tokens = linear(g.at("proj_in"), tokens, channels, projection);
	for (let block = 0; block < options.blocks; block++)
		tokens = transformerBlock(
			g.at("transformer_blocks", block),
			tokens,
			text,
			options,
		);
	tokens = linear(g.at("proj_out"), tokens, channels, projection);
	return add(g, tokensToImage(g, tokens, x), x);
}

/** Self-attention, cross-attention and feed-forward, each normalized before and added to its input. */
function transformerBlock(
	g: GraphBuilder,
	x: Value,
	text: () => Value,
	options: TransformerOptions,
): Value {
	const features = x.dims[2];
	const overText = (attention: string, norm: string, input: Value) => {
		const at = g.at(attention);
		return options.crossAttention(at, input, () =>
			attend(
				at,
				layerNorm(g.at(norm), input, layerNormEpsilon),
				text(),
				options.heads,
			),
		);
	};
	const first = options.onlyCrossAttention
		? overText("attn1", "norm1", x)
		: selfAttention(g, x, options);
	let sum = add(g, first, x);
	sum = add(g, overText("attn2", "norm2", sum), sum);
	let hidden = layerNorm(g.at("norm3"), sum, layerNormEpsilon);
	hidden = geglu(g.at("ff.net.0.proj"), hidden, feedForwardFactor * features);
	hidden = linear(g.at("ff.net.2"), hidden, features);
	return add(g, hidden, sum);
}

/** Self-attention, of merged tokens where asked for: who is like whom is told by `x` as it comes in, before its normalization (as in tomesd). */
function selfAttention(
	g: GraphBuilder,
	x: Value,
	{ heads, merging }: TransformerOptions,
): Value {
	const hidden = layerNorm(g.at("norm1"), x, layerNormEpsilon);
	if (!merging) return attend(g.at("attn1"), hidden, hidden, heads);
	const { merge, unmerge } = tokenMerging(g.at("attn1"), x, merging);
	const merged = merge(hidden);
	return unmerge(attend(g.at("attn1"), merged, merged, heads));
}

/** Attention of `x` over `context`, with its projections. */
function attend(
	g: GraphBuilder,
	x: Value,
	context: Value,
	heads: number,
): Value {
	const features = x.dims[2];
	const q = linear(g.at("to_q"), x, features, { bias: false });
	const k = linear(g.at("to_k"), context, features, { bias: false });
	const v = linear(g.at("to_v"), context, features, { bias: false });
	return linear(g.at("to_out.0"), attention(g, q, k, v, { heads }), features);
}
