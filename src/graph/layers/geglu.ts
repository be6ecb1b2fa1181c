import type { GraphBuilder, Value } from "../graphBuilder.js";
import { gelu } from "./activation.js";
import { multiply } from "./arithmetic.js";
import { linear } from "./linear.js";

/**
 * Gated linear unit (Shazeer 2020): a · gelu(b), where a and b are the two halves of one linear layer with `weight` [2 · features, in].
 * Each half is a product of its own with its rows of the weight, which spares the copies a split would make.
 */
export function geglu(g: GraphBuilder, x: Value, features: number): Value {
	const value = linear(g, x, 2 * features, { rows: [0, features] });
	const gate = linear(g, x, 2 * features, { rows: [features, 2 * features] });
	return multiply(g, value, gelu(g, gate));
}
