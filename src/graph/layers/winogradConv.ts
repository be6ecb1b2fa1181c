import { elementCount } from "../../tensor/tensor.js";
import type { GraphBuilder, Value } from "../graphBuilder.js";

/** A matrix by its rows. */
type Matrix = readonly (readonly number[])[];

/**
 * Winograd's minimal filtering F(size x size, 3 x 3): squares of `size` outputs each way from squares of size + 2 inputs, with
 * (size + 2)² products in place of 9 size². Matrices as in Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), section 4.
 */
export interface Filtering {
	readonly size: number;
	/** Bᵀ, of inputs: `[size + 2, size + 2]`. */
	readonly ofInputs: Matrix;
	/** G, of kernels: `[size + 2, 3]`. */
	readonly ofKernels: Matrix;
	/** Aᵀ, of products: `[size, size + 2]`. */
	readonly ofProducts: Matrix;
}

/** 16 products for 4 outputs. */
export const SQUARES_OF_2: Filtering = {
	size: 2,
	ofInputs: [
		[1, 0, -1, 0],
		[0, 1, 1, 0],
		[0, -1, 1, 0],
		[0, 1, 0, -1],
	],
	ofKernels: [
		[1, 0, 0],
		[1 / 2, 1 / 2, 1 / 2],
		[1 / 2, -1 / 2, 1 / 2],
		[0, 0, 1],
	],
	ofProducts: [
		[1, 1, 1, 0],
		[0, 1, -1, -1],
	],
};

/** 36 products for 16 outputs. */
export const SQUARES_OF_4: Filtering = {
	size: 4,
	ofInputs: [
		[4, 0, -5, 0, 1, 0],
		[0, -4, -4, 1, 1, 0],
		[0, 4, -4, -1, 1, 0],
		[0, -2, -1, 2, 1, 0],
		[0, 2, -1, -2, 1, 0],
		[0, 4, 0, -5, 0, 1],
	],
	ofKernels: [
		[1 / 4, 0, 0],
		[-1 / 6, -1 / 6, -1 / 6],
		[-1 / 6, 1 / 6, -1 / 6],
		[1 / 24, 1 / 12, 1 / 6],
		[1 / 24, -1 / 12, 1 / 6],
		[0, 0, 1],
	],
	ofProducts: [
		[1, 1, 1, 1, 1, 0],
		[0, 1, -1, 2, -2, 0],
		[0, 1, 1, 4, 4, 0],
		[0, 1, -1, 8, -8, 1],
	],
};

/** With fewer channels the products saved are fewer than the work that they take. */
const LEAST_CHANNELS = 64;

/**
 * The filtering that makes a convolution faster on WebAssembly; undefined where none does. Graphs are counted at latents of 64 x 64, so that
 * the sizes here say how deep in the network a map is; the maps of pictures may be smaller, and of small ones squares of 4 are few.
 */
export function filteringFor(
	{ dims: [, channels, height] }: Value,
	outChannels: number,
): Filtering | undefined {
	if (Math.min(channels, outChannels) < LEAST_CHANNELS) return undefined;
	if (height >= 64) return SQUARES_OF_4;
	return height >= 32 ? SQUARES_OF_2 : undefined;
}

/**
 * The 3x3 convolution of the scope with "same" padding, without its bias, by a minimal filtering: inputs and kernels are transformed square by
 * square, so that the convolution is (size + 2)² products of matrices. Multiply-adds are counted as the convolution's, as every comparison does.
 */
export function winogradConv(
	g: GraphBuilder,
	x: Value,
	outChannels: number,
	filtering: Filtering,
): Value {
	const { size, ofKernels, ofProducts } = filtering;
	const [batch, channels, height, width] = x.dims;
	const [rows, columns] = [Math.ceil(height / size), Math.ceil(width / size)];
	const places = batch * rows * columns;
	const inputs = (size + 2) ** 2;
	const outputs = size ** 2;

	const { cut, transformed } = transformedInputs(g, x, filtering);
	const kernel = g.weight("weight", [outChannels, channels, 3, 3], {
		as: [outChannels, channels, 9],
	});
	// constants, as the kernel is: the runtime does this once, when it loads the graph
	const kernels = g.node(
		"MatMul",
		[kernel, constant(g, transposed(onSquares(ofKernels)))],
		{ dims: [outChannels, channels, inputs] },
	);
	const filters = g.node("Transpose", [kernels], {
		dims: [inputs, outChannels, channels],
		attributes: { perm: [2n, 0n, 1n] },
	});
	const products = g.node("MatMul", [filters, transformed], {
		dims: [inputs, outChannels, places],
	});
	g.countMultiplyAdds(batch * outChannels * height * width * channels * 9);
	const flat = g.node("Reshape", [products, g.integers([inputs, -1])], {
		dims: [inputs, outChannels * places],
	});
	const summed = g.node("MatMul", [constant(g, onSquares(ofProducts)), flat], {
		dims: [outputs, outChannels * places],
	});

	// each square to its place, and what stands out over the map's edges away
	const squares = [size, size, outChannels];
	const open = g.node("Gather", [g.shapeOf(cut), g.integers([0, 2, 3])], {
		dims: [3],
	});
	const apart = g.node("Reshape", [summed, joined(g, squares, open)], {
		dims: [...squares, batch, rows, columns],
	});
	const placed = g.node("Transpose", [apart], {
		dims: [batch, outChannels, rows, size, columns, size],
		attributes: { perm: [3n, 2n, 4n, 0n, 5n, 1n] },
	});
	const whole = g.node("Mul", [sides(g, cut), g.integers([size])], {
		dims: [2],
	});
	const map = g.node("Reshape", [placed, joined(g, [0, 0], whole)], {
		dims: [batch, outChannels, rows * size, columns * size],
	});
	return g.node(
		"Slice",
		[map, g.integers([0, 0]), sides(g, x), g.integers([2, 3])],
		{ dims: [batch, outChannels, height, width] },
	);
}

/** The squares of a map, transformed: as a convolution cuts them, and as matrices `[(size + 2)², channels, places]`. */
function transformedInputs(
	g: GraphBuilder,
	x: Value,
	{ size, ofInputs }: Filtering,
): { readonly cut: Value; readonly transformed: Value } {
	const [batch, channels, height, width] = x.dims;
	const [rows, columns] = [Math.ceil(height / size), Math.ceil(width / size)];
	const side = size + 2;
	const inputs = side ** 2;
	const one = g.floats(Float32Array.from(onSquares(ofInputs).flat()), [
		inputs,
		1,
		side,
		side,
	]);
	const every = g.node("Tile", [one, g.integers([channels, 1, 1, 1])], {
		dims: [channels * inputs, 1, side, side],
	});
	const cut = g.node("Conv", [x, every], {
		dims: [batch, channels * inputs, rows, columns],
		attributes: {
			group: BigInt(channels),
			kernel_shape: [side, side].map(BigInt),
			strides: [size, size].map(BigInt),
			pads: [1, 1, size, size].map(BigInt),
		},
	});
	const apart = g.node(
		"Reshape",
		[cut, g.integers([0, channels, inputs, -1])],
		{ dims: [batch, channels, inputs, rows * columns] },
	);
	const sorted = g.node("Transpose", [apart], {
		dims: [inputs, channels, batch, rows * columns],
		attributes: { perm: [2n, 1n, 0n, 3n] },
	});
	const transformed = g.node("Reshape", [sorted, g.integers([0, 0, -1])], {
		dims: [inputs, channels, batch * rows * columns],
	});
	return { cut, transformed };
}

/** The matrix that does on the rows and columns of a square, taken as a vector, what `matrix` does on a vector. */
function onSquares(matrix: Matrix): Matrix {
	return matrix.flatMap((first) =>
		matrix.map((second) => first.flatMap((a) => second.map((b) => a * b))),
	);
}

function transposed(matrix: Matrix): Matrix {
	return matrix[0].map((_, column) => matrix.map((row) => row[column]));
}

function constant(g: GraphBuilder, matrix: Matrix): Value {
	return g.floats(Float32Array.from(matrix.flat()), [
		matrix.length,
		matrix[0].length,
	]);
}

/** Height and width of a map. */
function sides(g: GraphBuilder, map: Value): Value {
	return g.node(
		"Slice",
		[g.shapeOf(map), g.integers([2]), g.integers([4]), g.integers([0])],
		{ dims: [2] },
	);
}

function joined(g: GraphBuilder, first: readonly number[], rest: Value): Value {
	return g.node("Concat", [g.integers(first), rest], {
		dims: [first.length + elementCount(rest.dims)],
		attributes: { axis: 0n },
	});
}
