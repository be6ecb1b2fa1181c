import { elementCount } from "../../tensor/tensor.js";
import type { GraphBuilder, Value } from "../graphBuilder.js";
import { add, multiply } from "./arithmetic.js";
import { narrowLayers } from "./narrowLayers.js";
import { filteringFor, winogradConv } from "./winogradConv.js";

/** Stride, and zero padding before and after height and width. */
export interface ConvOptions {
	readonly kernel?: number;
	readonly stride?: number;
	/** Default true. */
	readonly bias?: boolean;
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
	const narrow = narrowLayers(g);
	const isPlain = kernel === 3 && stride === 1 && !options.padding;
	const filtering =
		g.flavour.convolution === "winograd" && isPlain && narrow.length === 0
			? filteringFor(x, outChannels)
			: undefined;
	if (filtering) {
		const y = winogradConv(g, x, outChannels, filtering);
		return options.bias === false
			? y
			: add(g, y, g.weight("bias", [outChannels], { as: [outChannels, 1, 1] }));
	}
	g.countMultiplyAdds(elementCount(dims) * inChannels * kernel * kernel);
	const weight = g.weight("weight", shape, { stored: narrow.length > 0 });
	const bias =
		options.bias === false
			? g.floats(new Float32Array(outChannels), [outChannels])
			: g.weight("bias", [outChannels]);
	let y = g.node("Conv", [x, weight, bias], {
		dims,
		attributes,
	});
	for (const { down, up, factor } of narrow) {
		const [, , ...size] = dims;
		const [rank] = down.shape;
		g.countMultiplyAdds(
			batch *
				elementCount(size) *
				rank *
				(inChannels * kernel * kernel + outChannels),
		);
		const first = g.root().weight(down.name, down.shape, {
			as: [rank, inChannels, kernel, kernel],
		});
		const second = g.root().weight(up.name, up.shape, {
			as: [outChannels, rank, 1, 1],
		});
		const low = g.node("Conv", [x, first], {
			dims: [batch, rank, ...size],
			attributes,
		});
		const scaled = multiply(g, low, factor());
		y = add(g, y, g.node("Conv", [scaled, second], { dims }));
	}
	return y;
}
