import type { GraphBuilder, Value } from "../graphBuilder.js";

/** x · sigmoid(x) (also called swish). */
export function silu(g: GraphBuilder, x: Value): Value {
	return sigmoidGate(g, x, 1);
}

/** CLIP's approximation of GELU: x · sigmoid(1.702 x). */
export function quickGelu(g: GraphBuilder, x: Value): Value {
	return sigmoidGate(g, x, 1.702);
}

/** Exact GELU: x · Φ(x), Φ by the error function. */
export function gelu(g: GraphBuilder, x: Value): Value {
	return g.node("Gelu", [x], { dims: x.dims, domain: "com.microsoft" });
}

function sigmoidGate(g: GraphBuilder, x: Value, alpha: number): Value {
	return g.node("QuickGelu", [x], {
		dims: x.dims,
		domain: "com.microsoft",
		attributes: { alpha },
	});
}
