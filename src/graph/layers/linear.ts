import { elementCount } from "../../tensor/tensor.js";
import type { GraphBuilder, Value } from "../graphBuilder.js";
import { add } from "./arithmetic.js";

export interface LinearOptions {
	readonly bias?: boolean;
	/** Only these output features: rows of `weight` and `bias`. */
	readonly rows?: readonly [from: number, to: number];
	/** The file has the weight as a 1x1 convolution's, [out, in, 1, 1]. */
	readonly storedAsConvolution?: boolean;
}

/**
 * x · weightᵀ + bias on the last axis, with `weight` [out, in] as torch stores it: read transposed by the product itself, never
 * copied.
 */
export function linear(
	g: GraphBuilder,
	x: Value,
	outFeatures: number,
	{ bias = true, rows, storedAsConvolution = false }: LinearOptions = {},
): Value {
	const inFeatures = x.dims[x.dims.length - 1];
	const kernel = storedAsConvolution ? [1, 1] : [];
	const weight = g.weight("weight", [outFeatures, inFeatures, ...kernel], {
		rows,
		as: [rows ? rows[1] - rows[0] : outFeatures, inFeatures],
	});
	const dims = [...x.dims.slice(0, -1), weight.dims[0]];
	g.countMultiplyAdds(elementCount(dims) * inFeatures);
	const product = g.node("FusedMatMul", [x, weight], {
		dims,
		domain: "com.microsoft",
		attributes: { transB: 1n },
	});
	return bias
		? add(g, product, g.weight("bias", [outFeatures], { rows }))
		: product;
}
