import type { GraphBuilder, Value } from "../graphBuilder.js";

/** a + b, element by element, with the usual broadcasting; the result has the dims of `a`. */
export function add(g: GraphBuilder, a: Value, b: Value): Value {
	return g.node("Add", [a, b], { dims: a.dims });
}

/** a · b, element by element, with the usual broadcasting; the result has the dims of `a`. */
export function multiply(g: GraphBuilder, a: Value, b: Value): Value {
	return g.node("Mul", [a, b], { dims: a.dims });
}

/** Values joined along axis 1, the channels of feature maps and the tokens of sequences: `[batch, A + B, …]`. */
export function concat(g: GraphBuilder, a: Value, b: Value): Value {
	const [batch, count, ...rest] = a.dims;
	return g.node("Concat", [a, b], {
		dims: [batch, count + b.dims[1], ...rest],
		attributes: { axis: 1n },
	});
}
