import type { GraphBuilder, Value } from "../graphBuilder.js";

export interface PoolOptions {
	readonly kernel: number;
	readonly stride: number;
	readonly padding?: number;
}

/** Largest value of each window of `[batch, channels, height, width]`. */
export function maxPool(
	g: GraphBuilder,
	x: Value,
	options: PoolOptions,
): Value {
	return pool(g, "MaxPool", x, options);
}

/** Mean of each window of `[batch, channels, height, width]`; padding is not counted in. */
export function averagePool(
	g: GraphBuilder,
	x: Value,
	options: PoolOptions,
): Value {
	return pool(g, "AveragePool", x, options);
}

/** Mean over height and width: `[batch, channels]`. */
export function spatialMean(g: GraphBuilder, x: Value): Value {
	return g.node("ReduceMean", [x, g.integers([2, 3])], {
		dims: x.dims.slice(0, 2),
		attributes: { keepdims: 0n },
	});
}

function pool(
	g: GraphBuilder,
	operator: "MaxPool" | "AveragePool",
	x: Value,
	{ kernel, stride, padding = 0 }: PoolOptions,
): Value {
	const [batch, channels, ...size] = x.dims;
	const pooled = size.map(
		(length) => Math.floor((length + 2 * padding - kernel) / stride) + 1,
	);
	return g.node(operator, [x], {
		dims: [batch, channels, ...pooled],
		attributes: {
			kernel_shape: [kernel, kernel].map(BigInt),
			strides: [stride, stride].map(BigInt),
			pads: [padding, padding, padding, padding].map(BigInt),
		},
	});
}
