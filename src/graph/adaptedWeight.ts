import { elementCount } from "../tensor/tensor.js";
import type {
	Factor,
	FactoredMatrix,
	WeightChange,
} from "../weights/formats/weights.js";
import type { GraphBuilder, Value } from "./graphBuilder.js";
import { viewShape, type WeightView } from "./initializer.js";
import { add, multiply } from "./layers/arithmetic.js";

/**
 * A weight (or bias) of the builder's scope with the changes of adapters in it, as nodes over constants: the engine computes it once, when it
 * loads the graph, and holds no other copy of it.
 */
export function adaptedWeight(
	g: GraphBuilder,
	view: WeightView,
	changed: Value,
): Value {
	if (!view.rows) return reshape(g, changed, viewShape(view));
	const [from, to] = view.rows;
	const places = [[from], [to], [0]].map((place) => g.integers(place));
	const rows = g.node("Slice", [changed, ...places], {
		dims: [to - from, changed.dims[1]],
	});
	return reshape(g, rows, viewShape(view));
}

/** The whole of a changed weight as a matrix of its first axis and all others. */
export function changedMatrix(
	g: GraphBuilder,
	view: WeightView,
	changes: readonly WeightChange[],
): Value {
	const { shape } = view;
	const [rows, ...rest] = shape;
	const columns = elementCount(rest);
	const original = g.weight(view.name, shape, {
		as: [rows, columns],
		stored: true,
	});
	let changed = original;
	for (const change of changes) {
		const [matrix] = change.matrices;
		changed =
			change.magnitude || change.join || "whole" in matrix || matrix.core
				? add(g, changed, addition(g, original, shape, change))
				: // W + factor · up · down at once
					g.node("Gemm", [up(g, matrix), down(g, matrix), changed], {
						dims: original.dims,
						attributes: { alpha: change.scale * change.strength },
					});
	}
	return changed;
}

/** What a change adds to the weight: strength · scale · Δ, or with a magnitude strength · (D − W). */
function addition(
	g: GraphBuilder,
	original: Value,
	shape: readonly number[],
	{ matrices, join, scale, strength, magnitude }: WeightChange,
): Value {
	const kernel = elementCount(shape.slice(2));
	// factors are scaled, which are small: each step of this is held in memory while the engine computes it
	const factor = magnitude ? scale : scale * strength;
	const first = matrixOf(g, matrices[0], kernel, factor);
	const second = matrices[1] && matrixOf(g, matrices[1], kernel);
	let delta = first;
	if (second)
		delta =
			join === "kronecker"
				? kronecker(g, first, second, kernel)
				: multiply(g, first, second);
	delta = reshape(g, delta, original.dims);
	if (!magnitude) return delta;
	const directed = withMagnitude(g, add(g, original, delta), shape, magnitude);
	const difference = g.node("Sub", [directed, original], {
		dims: original.dims,
	});
	return scaled(g, difference, strength);
}

/** A matrix with the norms of its rows, or of its input channels over rows and kernel, replaced. */
function withMagnitude(
	g: GraphBuilder,
	matrix: Value,
	shape: readonly number[],
	{ factor, of }: NonNullable<WeightChange["magnitude"]>,
): Value {
	const [rows, inputs = 1] = shape;
	const kernel = elementCount(shape.slice(2));
	const dims = of === "rows" ? [rows, 1, 1] : [1, inputs, 1];
	const channels = reshape(g, matrix, [rows, inputs, kernel]);
	const norms = g.node(
		"ReduceL2",
		[channels, g.integers(of === "rows" ? [1, 2] : [0, 2])],
		{ dims, attributes: { keepdims: 1n } },
	);
	const wanted = g.root().weight(factor.name, factor.shape, { as: dims });
	const ratio = g.node("Div", [wanted, norms], { dims });
	return reshape(g, multiply(g, channels, ratio), matrix.dims);
}

type Product = Extract<FactoredMatrix, { up: Factor }>;

function up(g: GraphBuilder, { up: { name, shape } }: Product): Value {
	return g.root().weight(name, shape, { as: asMatrix(shape) });
}

function down(g: GraphBuilder, { down: { name, shape } }: Product): Value {
	return g.root().weight(name, shape, { as: asMatrix(shape) });
}

/** A factored matrix multiplied out, `[rows, columns]`, times a factor. */
function matrixOf(
	g: GraphBuilder,
	matrix: FactoredMatrix,
	kernel: number,
	factor = 1,
): Value {
	if ("whole" in matrix) {
		const { name, shape } = matrix.whole;
		const whole = g.root().weight(name, shape, { as: asMatrix(shape) });
		return scaled(g, whole, factor);
	}
	let left = scaled(g, up(g, matrix), factor);
	if (matrix.upTransposed) left = transpose(g, left, [1, 0]);
	const right = down(g, matrix);
	if (!matrix.core) return product(g, left, right);
	// for each place of the kernel up · core · down
	const { name, shape } = matrix.core;
	const [a, b] = shape;
	const core = g.root().weight(name, shape, { as: [a, b, kernel] });
	const places = product(
		g,
		left,
		product(g, transpose(g, core, [2, 0, 1]), right),
	);
	const [, rows, inputs] = places.dims;
	return reshape(g, transpose(g, places, [1, 2, 0]), [rows, inputs * kernel]);
}

/** Kronecker product of `[a, b]` and a convolution's `[c, d · kernel]`: `[a · c, b · d · kernel]`. */
function kronecker(
	g: GraphBuilder,
	left: Value,
	right: Value,
	kernel: number,
): Value {
	const [a, b] = left.dims;
	const [c, columns] = right.dims;
	const d = columns / kernel;
	const product = multiply(
		g,
		reshape(g, left, [a, 1, b, 1, 1]),
		reshape(g, right, [1, c, 1, d, kernel]),
	);
	return reshape(g, { ...product, dims: [a, c, b, d, kernel] }, [
		a * c,
		b * columns,
	]);
}

/** The axes after the first taken together. */
function asMatrix([rows, ...rest]: readonly number[]): readonly number[] {
	return [rows, elementCount(rest)];
}

function product(g: GraphBuilder, a: Value, b: Value): Value {
	const dims = [...(a.dims.length > b.dims.length ? a : b).dims.slice(0, -2)];
	return g.node("MatMul", [a, b], {
		dims: [...dims, a.dims[a.dims.length - 2], b.dims[b.dims.length - 1]],
	});
}

function transpose(g: GraphBuilder, x: Value, perm: readonly number[]): Value {
	return g.node("Transpose", [x], {
		dims: perm.map((axis) => x.dims[axis]),
		attributes: { perm: perm.map(BigInt) },
	});
}

function reshape(g: GraphBuilder, x: Value, dims: readonly number[]): Value {
	if (x.dims.join() === dims.join()) return x;
	return g.node("Reshape", [x, g.integers(dims)], { dims });
}

function scaled(g: GraphBuilder, x: Value, factor: number): Value {
	if (factor === 1) return x;
	return multiply(g, x, g.floats(Float32Array.of(factor), [1]));
}
