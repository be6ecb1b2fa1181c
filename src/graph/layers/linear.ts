import type { GraphBuilder, Value } from "../graphBuilder.js";
import { add, multiply } from "./arithmetic.js";
import { narrowLayers } from "./narrowLayers.js";
import { productTransposed } from "./product.js";

export interface LinearOptions {
	readonly bias?: boolean;
	/** Only these output features: rows of `weight` and `bias`. */
	readonly rows?: readonly [from: number, to: number];
	/** The file has the weight as a 1x1 convolution's, [out, in, 1, 1]. */
	readonly storedAsConvolution?: boolean;
}

/** x · weightᵀ + bias on the last axis, with `weight` [out, in] as torch stores it. */
export function linear(
	g: GraphBuilder,
	x: Value,
	outFeatures: number,
	{ bias = true, rows, storedAsConvolution = false }: LinearOptions = {},
): Value {
	const inFeatures = x.dims[x.dims.length - 1];
	const kernel = storedAsConvolution ? [1, 1] : [];
	const wanted = rows ? rows[1] - rows[0] : outFeatures;
	const narrow = narrowLayers(g);
	const weight = g.weight("weight", [outFeatures, inFeatures, ...kernel], {
		rows,
		as: [wanted, inFeatures],
		stored: narrow.length > 0,
	});
	let y = productTransposed(g, x, weight);
	for (const { down, up, factor } of narrow) {
		const [rank] = down.shape;
		const first = g.root().weight(down.name, down.shape, {
			as: [rank, inFeatures],
		});
		const second = g.root().weight(up.name, up.shape, {
			rows,
			as: [wanted, rank],
		});
		const low = multiply(g, productTransposed(g, x, first), factor());
		y = add(g, y, productTransposed(g, low, second));
	}
	return bias ? add(g, y, g.weight("bias", [outFeatures], { rows })) : y;
}
