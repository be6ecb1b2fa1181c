import type { GraphBuilder, Value } from "../graphBuilder.js";

/** Layer normalization over the last axis, with `weight` and `bias` of the builder's scope. */
export function layerNorm(g: GraphBuilder, x: Value, epsilon: number): Value {
	const features = x.dims[x.dims.length - 1];
	return g.node(
		"LayerNormalization",
		[x, g.weight("weight", [features]), g.weight("bias", [features])],
		{ dims: x.dims, attributes: { axis: -1n, epsilon } },
	);
}
