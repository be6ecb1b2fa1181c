import { elementCount } from "../../tensor/tensor.js";
import type { GraphBuilder, Value } from "../graphBuilder.js";
import { add, multiply } from "./arithmetic.js";

/** Stride, and zero padding before and after height and width. */
export interface ConvOptions {
	readonly kernel?: number;
	readonly stride?: number;
	readonly padding?: readonly [
		top: number,
		left: number,
		bottom: number,
		right: number,
	];
}

/**
 * Convolution with `weight` [out, in, kernel, kernel] and `bias` [out] of the builder's scope, on `[batch, in, height, width]`.
 * Kernel 3, stride 1 and "same" padding unless told otherwise.
 */
export function conv2d(
	g: GraphBuilder,
	x: Value,
	outChannels: number,
	options: ConvOptions = {},
): Value {
	const { kernel = 3, stride = 1 } = options;
	const half = (kernel - 1) / 2;
	const padding = options.padding ?? [half, half, half, half];
	const [batch, inChannels, height, width] = x.dims;
	const shape = [outChannels, inChannels, kernel, kernel];
	const outSize = (size: number, before: number, after: number) =>
		Math.floor((size + before + after - kernel) / stride) + 1;
	const dims = [
		batch,
		outChannels,
		outSize(height, padding[0], padding[2]),
		outSize(width, padding[1], padding[3]),
	];
	const attributes = {
		kernel_shape: [kernel, kernel].map(BigInt),
		strides: [stride, stride].map(BigInt),
		pads: padding.map(BigInt),
	};
	g.countMultiplyAdds(elementCount(dims) * inChannels * kernel * kernel);
	let y = g.node(
		"Conv",
		[x, g.weight("weight", shape), g.weight("bias", [outChannels])],
		{ dims, attributes },
	);
	for (const { down, up, rank, scale } of g.adapters()) {
		const [, , ...size] = dims;
		g.countMultiplyAdds(
			batch *
				elementCount(size) *
				rank *
				(inChannels * kernel * kernel + outChannels),
		);
		const low = g.node(
			"Conv",
			[x, g.root().weight(down, [rank, ...shape.slice(1)])],
			{ dims: [batch, rank, ...size], attributes },
		);
		const high = g.node(
			"Conv",
			[
				low,
				g.root().weight(up, [outChannels, rank, 1, 1], {
					as: [outChannels, rank, 1, 1],
				}),
			],
			{ dims },
		);
		y = add(g, y, multiply(g, high, g.floats(Float32Array.of(scale), [1])));
	}
	return y;
}
