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
