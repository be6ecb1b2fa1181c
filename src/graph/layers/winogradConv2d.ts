import { elementCount } from "../../tensor/tensor.js";
import type { GraphBuilder, Value } from "../graphBuilder.js";

/** Outputs a tile has each way; the tile's input is two larger. */
export type WinogradTile = 2 | 4;

/** The transforms of the minimal filtering algorithm F(m, 3), one way: of the input `[m+2, m+2]`, the kernel `[m+2, 3]` and the output `[m, m+2]`. */
interface Transforms {
	readonly input: readonly (readonly number[])[];
	readonly kernel: readonly (readonly number[])[];
	readonly output: readonly (readonly number[])[];
}

/** Lavin & Gray 2015 (arXiv 1509.09308), section 4: interpolation at 0, 1, -1, infinity; with 2 and -2 for tiles of 4. */
const transforms: Readonly<Record<WinogradTile, Transforms>> = {
	2: {
		input: [
			[1, 0, -1, 0],
			[0, 1, 1, 0],
			[0, -1, 1, 0],
			[0, 1, 0, -1],
		],
		kernel: [
			[1, 0, 0],
			[1 / 2, 1 / 2, 1 / 2],
			[1 / 2, -1 / 2, 1 / 2],
			[0, 0, 1],
		],
		output: [
			[1, 1, 1, 0],
			[0, 1, -1, -1],
		],
	},
	4: {
		input: [
			[4, 0, -5, 0, 1, 0],
			[0, -4, -4, 1, 1, 0],
			[0, 4, -4, -1, 1, 0],
			[0, -2, -1, 2, 1, 0],
			[0, 2, -1, -2, 1, 0],
			[0, 4, 0, -5, 0, 1],
		],
		kernel: [
			[1 / 4, 0, 0],
			[-1 / 6, -1 / 6, -1 / 6],
			[-1 / 6, 1 / 6, -1 / 6],
			[1 / 24, 1 / 12, 1 / 6],
			[1 / 24, -1 / 12, 1 / 6],
			[0, 0, 1],
		],
		output: [
			[1, 1, 1, 1, 1, 0],
			[0, 1, -1, 2, -2, 0],
			[0, 1, 1, 4, 4, 0],
			[0, 1, -1, 8, -8, 1],
		],
	},
};

/**
 * `conv2d` with kernel 3, stride 1 and "same" padding by Winograd's minimal filtering (Lavin & Gray 2015): 2.25 times fewer multiplications
 * with tiles of 2x2, 4 times with 4x4, on weights that take 16/9 and 4 times the memory. Height and width must be multiples of `tile`
 * at run time. Work is counted as the network defines it, not as it is done.
 *
 * Written in operators that run at full speed on a CPU: the input's transform as strided depthwise convolutions, the products
 * as 1x1 convolutions, the output's transform as one product with a constant. The kernel's is computed once, at load.
 */
export function winogradConv2d(
	g: GraphBuilder,
	x: Value,
	outChannels: number,
	tile: WinogradTile,
): Value {
	const [batch, inChannels, height, width] = x.dims;
	const dims = [batch, outChannels, height, width];
	g.countMultiplyAdds(elementCount(dims) * inChannels * 9);
	const { input, kernel, output } = transforms[tile];
	const weights = transformedWeights(g, inChannels, outChannels, kernel);
	const tilesDims = [batch, outChannels, height / tile, width / tile];
	const products = input.flatMap((rowTaps, i) => {
		const rows = depthwise(g, x, rowTaps, "rows", tile);
		return input.map((columnTaps, j) => {
			const tiles = depthwise(g, rows, columnTaps, "columns", tile);
			const transformed = weights[i * kernel.length + j];
			// the second row and column of the output's transform are all ones: what is added there is added everywhere
			const bias = i === 1 && j === 1 ? [g.weight("bias", [outChannels])] : [];
			return g.node("Conv", [tiles, transformed, ...bias], {
				dims: tilesDims,
				attributes: { kernel_shape: [1n, 1n] },
			});
		});
	});
	return untile(g, x, products, outputTransform(output), tile, dims);
}

/** The weights of the products, in one operation for all: loading takes time for each. */
function transformedWeights(
	g: GraphBuilder,
	inChannels: number,
	outChannels: number,
	kernel: Transforms["kernel"],
): readonly Value[] {
	const weight = g.weight("weight", [outChannels, inChannels, 3, 3], {
		as: [outChannels * inChannels, 9],
	});
	const taps = kernel.flatMap((row) =>
		kernel.flatMap((column) => outer(row, column)),
	);
	const count = kernel.length ** 2;
	const transformed = g.node(
		"FusedMatMul",
		[
			g.floats(Float32Array.from(taps), [count, 9], `winograd_kernel_${count}`),
			weight,
		],
		{
			dims: [count, outChannels * inChannels],
			domain: "com.microsoft",
			attributes: { transB: 1n },
		},
	);
	const dims = [count * outChannels, inChannels, 1, 1];
	return g.split(
		g.node("Reshape", [transformed, g.integers(dims)], { dims }),
		count,
	);
}

/** One way of the input's transform, each channel for itself: every `tile` pixels the dot product of `taps` with the pixels from one before. */
function depthwise(
	g: GraphBuilder,
	x: Value,
	taps: readonly number[],
	way: "rows" | "columns",
	tile: number,
): Value {
	const [batch, channels, height, width] = x.dims;
	const pair = (along: number, across: number) =>
		way === "rows" ? [along, across] : [across, along];
	const values = Float32Array.from(
		{ length: channels * taps.length },
		(_, i) => taps[i % taps.length],
	);
	const weight = g.floats(
		values,
		[channels, 1, ...pair(taps.length, 1)],
		`winograd_${way}_${channels}_${taps}`,
	);
	return g.node("Conv", [x, weight], {
		dims:
			way === "rows"
				? [batch, channels, height / tile, width]
				: [batch, channels, height, width / tile],
		attributes: {
			group: BigInt(channels),
			kernel_shape: pair(taps.length, 1).map(BigInt),
			strides: pair(tile, 1).map(BigInt),
			pads: [...pair(1, 0), ...pair(1, 0)].map(BigInt),
		},
	});
}

/** Products, one tensor for each place in a tile, to pixels: the output's transform, and tiles put in their places. */
function untile(
	g: GraphBuilder,
	x: Value,
	products: readonly Value[],
	transform: Float32Array,
	tile: number,
	dims: readonly number[],
): Value {
	const [batch, channels, height, width] = dims;
	const rows = [batch, channels, height / tile];
	const columns = width / tile;
	const joined = g.node("Concat", products, {
		dims: [...rows, products.length * columns],
		attributes: { axis: 3n },
	});
	const places = g.node(
		"Reshape",
		[joined, g.integers([0, 0, 0, products.length, -1])],
		{ dims: [...rows, products.length, columns] },
	);
	const pixels = g.node(
		"MatMul",
		[
			g.floats(
				transform,
				[tile * tile, products.length],
				`winograd_output_${tile}`,
			),
			places,
		],
		{ dims: [...rows, tile * tile, columns] },
	);
	const split = g.node(
		"Reshape",
		[pixels, g.integers([0, 0, 0, tile, tile, -1])],
		{ dims: [...rows, tile, tile, columns] },
	);
	const inOrder = g.node("Transpose", [split], {
		dims: [...rows, tile, columns, tile],
		attributes: { perm: [0n, 1n, 2n, 3n, 5n, 4n] },
	});
	const size = g.node(
		"Slice",
		[g.shapeOf(x), g.integers([2]), g.integers([4])],
		{ dims: [2] },
	);
	const shape = g.node("Concat", [g.integers([0, channels]), size], {
		dims: [4],
		attributes: { axis: 0n },
	});
	return g.node("Reshape", [inOrder, shape], { dims });
}

/** The output's transform both ways at once, `[tile * tile, products]`. */
function outputTransform(output: Transforms["output"]): Float32Array {
	return Float32Array.from(
		output.flatMap((row) => output.flatMap((column) => outer(row, column))),
	);
}

/** The outer product of two vectors, row by row. */
function outer(a: readonly number[], b: readonly number[]): number[] {
	return a.flatMap((x) => b.map((y) => x * y));
}
