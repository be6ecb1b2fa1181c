import type { GraphBuilder, Value } from "../graphBuilder.js";

/** a + b, element by element, with the usual broadcasting; the result has the dims of `a`. */
export function add(g: GraphBuilder, a: Value, b: Value): Value {
	return g.node("Add", [a, b], { dims: a.dims });
}

/** a · b, element by element, with the usual broadcasting; the result has the dims of `a`. */
export function multiply(g: GraphBuilder, a: Value, b: Value): Value {
	return g.node("Mul", [a, b], { dims: a.dims });
}

/** Values joined along the channels: `[batch, Ca + Cb, height, width]`. */
export function concatChannels(g: GraphBuilder, a: Value, b: Value): Value {
	const [batch, channels, ...size] = a.dims;
	return g.node("Concat", [a, b], {
		dims: [batch, channels + b.dims[1], ...size],
		attributes: { axis: 1n },
	});
}
