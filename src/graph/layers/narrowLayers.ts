import type { Factor } from "../../weights/formats/weights.js";
import type { GraphBuilder, Value } from "../graphBuilder.js";

/** A low-rank change of a layer's weight as two narrow layers beside it: up(factor · down(x)) is added to what the layer gives. */
export interface NarrowLayers {
	readonly down: Factor;
	readonly up: Factor;
	factor(): Value;
}

/**
 * The narrow layers to run beside the layer of the scope. None where the flavour folds them, or where one of the changes of its weight is of
 * another kind: then the weight has all changes in it.
 */
export function narrowLayers(g: GraphBuilder): readonly NarrowLayers[] {
	const layers: NarrowLayers[] = [];
	if (g.flavour.lowRank === "folded") return layers;
	for (const change of g.adapters()) {
		if (change.of === "bias") continue;
		const { matrices, join, magnitude, scale, strength } = change;
		const [matrix] = matrices;
		if (join || magnitude || "whole" in matrix || matrix.core) return [];
		const { down, up } = matrix;
		const factor = () => g.floats(Float32Array.of(scale * strength), [1]);
		layers.push({ down, up, factor });
	}
	return layers;
}
