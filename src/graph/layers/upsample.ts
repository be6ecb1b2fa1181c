import { elementCount } from "../../tensor/tensor.js";
import type { GraphBuilder, Value } from "../graphBuilder.js";

const nearest = {
	mode: "nearest",
	coordinate_transformation_mode: "asymmetric",
	nearest_mode: "floor",
};
const absent: Value = { name: "", dims: [] };

/**
 * Which of a 3-tap kernel's taps fall on the same source pixel, for even and odd pixels of a doubled row. Even: the pixel before and this
 * one; odd: this one and the next.
 */
const phases = [
	{ pads: [1, 0], taps: [[0], [1, 2]] },
	{ pads: [0, 1], taps: [[0, 1], [2]] },
] as const;

/**
 * Height and width doubled, each pixel repeated, then the 3x3 convolution of the scope: to `[batch, out, 2 · height, 2 · width]`.
 * Of the nine taps several meet the same source pixel, so it is computed as four 2x2 convolutions of `x` itself, one for each pixel of a
 * 2x2 square, with the kernel's taps summed: 4/9 of the multiply-adds. They are counted as the whole convolution's, as every comparison does.
 */
export function upsampledConv(
	g: GraphBuilder,
	x: Value,
	outChannels: number,
): Value {
	const [batch, channels, height, width] = x.dims;
	const dims = [batch, outChannels, 2 * height, 2 * width];
	const kernel = g.weight("weight", [outChannels, channels, 3, 3], {
		as: [outChannels, channels, 9],
	});
	const bias = g.weight("bias", [outChannels]);
	const squares: Value[] = [];
	for (const row of phases)
		for (const column of phases) {
			const sums = new Float32Array(9 * 4);
			for (const [top, taps] of row.taps.entries())
				for (const [left, across] of column.taps.entries())
					for (const i of taps)
						for (const j of across) sums[(3 * i + j) * 4 + 2 * top + left] = 1;
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
						pads: [
							row.pads[0],
							column.pads[0],
							row.pads[1],
							column.pads[1],
						].map(BigInt),
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
		g.node("Slice", [g.shapeOf(value), g.integers([from]), g.integers([to])], {
			dims: [to - from],
		});
	const sizes = g.node("Concat", [range(x, 0, 2), range(like, 2, 4)], {
		dims: [4],
		attributes: { axis: 0n },
	});
	return g.node("Resize", [x, absent, absent, sizes], {
		dims: [batch, channels, like.dims[2], like.dims[3]],
		attributes: nearest,
	});
}
