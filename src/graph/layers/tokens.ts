import type { GraphBuilder, Value } from "../graphBuilder.js";

/** Pixels as tokens: `[batch, channels, height, width]` to `[batch, height · width, channels]`. */
export function imageToTokens(g: GraphBuilder, x: Value): Value {
	const [batch, channels, height, width] = x.dims;
	const flat = g.node("Reshape", [x, g.integers([0, 0, -1])], {
		dims: [batch, channels, height * width],
	});
	return g.node("Transpose", [flat], {
		dims: [batch, height * width, channels],
		attributes: { perm: [0n, 2n, 1n] },
	});
}

/** Tokens as pixels again, in the shape of `like`, which has as many channels. */
export function tokensToImage(g: GraphBuilder, x: Value, like: Value): Value {
	const [batch, tokens, channels] = x.dims;
	const flat = g.node("Transpose", [x], {
		dims: [batch, channels, tokens],
		attributes: { perm: [0n, 2n, 1n] },
	});
	return g.node("Reshape", [flat, g.shapeOf(like)], { dims: like.dims });
}

/** The tokens of `[batch, tokens, features]` at positions `[batch, count]` (int64), each sample at its own. */
export function gatherTokens(
	g: GraphBuilder,
	x: Value,
	positions: Value,
): Value {
	const index = g.node("Unsqueeze", [positions, g.integers([2])], {
		dims: [...positions.dims, 1],
	});
	return g.node("GatherND", [x, index], {
		dims: [...positions.dims, x.dims[2]],
		attributes: { batch_dims: 1n },
	});
}
