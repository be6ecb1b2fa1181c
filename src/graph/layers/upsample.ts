import { elementCount } from "../../tensor/tensor.js";
import type { GraphBuilder, Value } from "../graphBuilder.js";
import { type ConvOptions, conv2d } from "./conv2d.js";

const nearest = {
	mode: "nearest",
	coordinate_transformation_mode: "asymmetric",
	nearest_mode: "floor",
};
const absent: Value = { name: "", dims: [] };

/**
 * Which of two source pixels a tap (0, 1, 2) of a 3-tap kernel falls on, at the even (0) and odd (1) pixels of a doubled row. Even: the pixel
 * before and this one; odd: this one and the next.
 */
const sourceOf = (tap: number, odd: number) => (tap + 1 - odd) >> 1;

/** Height and width doubled, each pixel repeated, then the 3x3 convolution of the scope: to `[batch, out, 2 · height, 2 · width]`. */
export function upsampledConv(
	g: GraphBuilder,
	x: Value,
	outChannels: number,
	options: Pick<ConvOptions, "bias"> = {},
): Value {
	if (g.flavour.upsampling === "parts")
		return upsampledConvInParts(g, x, outChannels, options);
	const [batch, channels, height, width] = x.dims;
	const scales = g.floats(Float32Array.of(1, 1, 2, 2), [4], "float32");
	const doubled = g.node("Resize", [x, absent, scales], {
		dims: [batch, channels, 2 * height, 2 * width],
		attributes: nearest,
	});
	return conv2d(g, doubled, outChannels, options);
}

/**
 * Of the nine taps several meet the same source pixel, so it is computed as four 2x2 convolutions of `x` itself, one for each pixel of a
 * 2x2 square, with the kernel's taps summed: 4/9 of the multiply-adds. They are counted as the whole convolution's, as every comparison does.
 */
function upsampledConvInParts(
	g: GraphBuilder,
	x: Value,
	outChannels: number,
	options: Pick<ConvOptions, "bias">,
): Value {
	const [batch, channels, height, width] = x.dims;
	const dims = [batch, outChannels, 2 * height, 2 * width];
	const kernel = g.weight("weight", [outChannels, channels, 3, 3], {
		as: [outChannels, channels, 9],
	});
	const bias =
		options.bias === false
			? g.floats(new Float32Array(outChannels), [outChannels])
			: g.weight("bias", [outChannels]);
	const squares: Value[] = [];
	for (const bottom of [0, 1])
		for (const right of [0, 1]) {
			const sums = new Float32Array(9 * 4);
			for (let tap = 0; tap < 9; tap++) {
				const row = sourceOf(Math.floor(tap / 3), bottom);
				const column = sourceOf(tap % 3, right);
				sums[4 * tap + 2 * row + column] = 1;
			}
			// constants throughout: the runtime does this once, when it loads the graph
			const summed = g.node("MatMul", [kernel, g.floats(sums, [9, 4])], {
				dims: [outChannels, channels, 4],
			});
			const weight = g.node(
				"Reshape",
				[summed, g.integers([outChannels, channels, 2, 2])],
				{ dims: [outChannels, channels, 2, 2] },
			);
			squares.push(
				g.node("Conv", [x, weight, bias], {
					dims: [batch, outChannels, height, width],
					attributes: {
						kernel_shape: [2n, 2n],
						pads: [1 - bottom, 1 - right, bottom, right].map(BigInt),
					},
				}),
			);
		}
	g.countMultiplyAdds(elementCount(dims) * channels * 9);
	const joined = g.node("Concat", squares, {
		dims: [batch, 4 * outChannels, height, width],
		attributes: { axis: 1n },
	});
	return g.node("DepthToSpace", [joined], {
		dims,
		attributes: { blocksize: 2n, mode: "DCR" },
	});
}

/**
 * To the height and width of `like`, each pixel taken from the nearest (rounded down): what a skip feature of an odd size needs,
 * and twice the size where sizes are even.
 */
export function upsampleLike(g: GraphBuilder, x: Value, like: Value): Value {
	const [batch, channels] = x.dims;
	const range = (value: Value, from: number, to: number) =>
		g.node(
			"Slice",
			[g.shapeOf(value), g.integers([from]), g.integers([to]), g.integers([0])],
			{ dims: [to - from] },
		);
	const sizes = g.node("Concat", [range(x, 0, 2), range(like, 2, 4)], {
		dims: [4],
		attributes: { axis: 0n },
	});
	return g.node("Resize", [x, absent, absent, sizes], {
		dims: [batch, channels, like.dims[2], like.dims[3]],
		attributes: nearest,
	});
}
