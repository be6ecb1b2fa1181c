import { elementCount } from "../../tensor/tensor.js";
import type { GraphBuilder, Value } from "../graphBuilder.js";

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
	g.countMultiplyAdds(elementCount(dims) * inChannels * kernel * kernel);
	return g.node(
		"Conv",
		[x, g.weight("weight", shape), g.weight("bias", [outChannels])],
		{
			dims,
			attributes: {
				kernel_shape: [kernel, kernel].map(BigInt),
				strides: [stride, stride].map(BigInt),
				pads: padding.map(BigInt),
			},
		},
	);
}
