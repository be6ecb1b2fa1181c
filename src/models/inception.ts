import type { Graph } from "../graph/graph.js";
import {
	type GraphBuilder,
	graphBuilder,
	type Value,
} from "../graph/graphBuilder.js";
import type { GraphFlavour } from "../graph/graphFlavour.js";
import { linear } from "../graph/layers/linear.js";
import { averagePool, maxPool, spatialMean } from "../graph/layers/pooling.js";
import type { Weights } from "../weights/formats/weights.js";

/** Outputs, by torch-fidelity's names: pooled features of four depths, and the 1008 logits without and with bias. */
export const inceptionOutputs = [
	"64",
	"192",
	"768",
	"2048",
	"logits_unbiased",
	"logits",
] as const;
export type InceptionOutput = (typeof inceptionOutputs)[number];

/** Width and height of the pictures it takes. */
export const inceptionSize = 299;
const classes = 1008;

/**
 * The Inception v3 of FID (the TensorFlow network of 2015-12-05, as pytorch-fid and torch-fidelity rebuilt it; weights
 * by their names). It is torchvision's but for three things: average pools do not count the padding, the last block
 * pools by maximum, and there are 1008 classes. Input `images` [batch, 3, 299, 299], (value − 128) / 128; outputs
 * `[batch, features]`.
 * @throws UserError when a weight is missing or of another shape.
 */
export function buildInception(
	weights: Weights | null,
	outputs: readonly InceptionOutput[],
	dims: { readonly batch: number },
	flavour?: GraphFlavour,
): Graph {
	const g = graphBuilder(weights, flavour);
	const size = [3, inceptionSize, inceptionSize];
	let x = g.input("images", ["batch", ...size], [dims.batch, ...size]);
	const wanted = (name: InceptionOutput) => outputs.includes(name);
	const tap = (name: InceptionOutput) => {
		if (wanted(name)) g.output(name, spatialMean(g, x));
	};
	x = unit(g.at("Conv2d_1a_3x3"), x, 32, { kernel: [3, 3], stride: 2 });
	x = unit(g.at("Conv2d_2a_3x3"), x, 32, { kernel: [3, 3] });
	x = unit(g.at("Conv2d_2b_3x3"), x, 64, { kernel: [3, 3], same: true });
	x = maxPool(g, x, { kernel: 3, stride: 2 });
	tap("64");
	x = unit(g.at("Conv2d_3b_1x1"), x, 80, { kernel: [1, 1] });
	x = unit(g.at("Conv2d_4a_3x3"), x, 192, { kernel: [3, 3] });
	x = maxPool(g, x, { kernel: 3, stride: 2 });
	tap("192");
	x = blockA(g.at("Mixed_5b"), x, 32);
	x = blockA(g.at("Mixed_5c"), x, 64);
	x = blockA(g.at("Mixed_5d"), x, 64);
	x = blockB(g.at("Mixed_6a"), x);
	x = blockC(g.at("Mixed_6b"), x, 128);
	x = blockC(g.at("Mixed_6c"), x, 160);
	x = blockC(g.at("Mixed_6d"), x, 160);
	x = blockC(g.at("Mixed_6e"), x, 192);
	tap("768");
	x = blockD(g.at("Mixed_7a"), x);
	x = blockE(g.at("Mixed_7b"), x, meanPool);
	x = blockE(g.at("Mixed_7c"), x, (scope, value) =>
		maxPool(scope, value, { kernel: 3, stride: 1, padding: 1 }),
	);
	const pooled = spatialMean(g, x);
	if (wanted("2048")) g.output("2048", pooled);
	const fc = g.at("fc");
	if (wanted("logits_unbiased"))
		g.output("logits_unbiased", linear(fc, pooled, classes, { bias: false }));
	if (wanted("logits")) g.output("logits", linear(fc, pooled, classes));
	return g.finish();
}

interface UnitOptions {
	readonly kernel: readonly [height: number, width: number];
	readonly stride?: number;
	/** Padded with zeros to the same size. */
	readonly same?: boolean;
}

/** Convolution without bias, batch normalization (ONNX Runtime folds it into the convolution) and ReLU. */
function unit(
	g: GraphBuilder,
	x: Value,
	outChannels: number,
	{ kernel, stride = 1, same = false }: UnitOptions,
): Value {
	const [batch, inChannels, ...size] = x.dims;
	const padding = kernel.map((length) => (same ? (length - 1) / 2 : 0));
	const shape = size.map(
		(length, axis) =>
			Math.floor((length + 2 * padding[axis] - kernel[axis]) / stride) + 1,
	);
	const dims = [batch, outChannels, ...shape];
	const weight = g
		.at("conv")
		.weight("weight", [outChannels, inChannels, ...kernel]);
	g.countMultiplyAdds(
		batch *
			outChannels *
			shape[0] *
			shape[1] *
			inChannels *
			kernel[0] *
			kernel[1],
	);
	const convolved = g.node("Conv", [x, weight], {
		dims,
		attributes: {
			kernel_shape: kernel.map(BigInt),
			strides: [stride, stride].map(BigInt),
			pads: [...padding, ...padding].map(BigInt),
		},
	});
	const bn = g.at("bn");
	const parameters = ["weight", "bias", "running_mean", "running_var"];
	const normed = g.node(
		"BatchNormalization",
		[convolved, ...parameters.map((name) => bn.weight(name, [outChannels]))],
		{ dims, attributes: { epsilon: 0.001 } },
	);
	return g.node("Relu", [normed], { dims });
}

/** Units one after another, named in the builder's scope. */
function chain(
	g: GraphBuilder,
	x: Value,
	steps: readonly (readonly [name: string, channels: number, UnitOptions])[],
): Value {
	return steps.reduce(
		(value, [name, channels, options]) =>
			unit(g.at(name), value, channels, options),
		x,
	);
}

function join(g: GraphBuilder, branches: readonly Value[]): Value {
	const [batch, , ...size] = branches[0].dims;
	const channels = branches.reduce((sum, { dims }) => sum + dims[1], 0);
	return g.node("Concat", branches, {
		dims: [batch, channels, ...size],
		attributes: { axis: 1n },
	});
}

function meanPool(g: GraphBuilder, x: Value): Value {
	return averagePool(g, x, { kernel: 3, stride: 1, padding: 1 });
}

const point: UnitOptions = { kernel: [1, 1] };
const square: UnitOptions = { kernel: [3, 3], same: true };
const squareBy2: UnitOptions = { kernel: [3, 3], stride: 2 };
const row = (length: number): UnitOptions => ({
	kernel: [1, length],
	same: true,
});
const column = (length: number): UnitOptions => ({
	kernel: [length, 1],
	same: true,
});

function blockA(g: GraphBuilder, x: Value, poolChannels: number): Value {
	return join(g, [
		unit(g.at("branch1x1"), x, 64, point),
		chain(g, x, [
			["branch5x5_1", 48, point],
			["branch5x5_2", 64, { kernel: [5, 5], same: true }],
		]),
		chain(g, x, [
			["branch3x3dbl_1", 64, point],
			["branch3x3dbl_2", 96, square],
			["branch3x3dbl_3", 96, square],
		]),
		unit(g.at("branch_pool"), meanPool(g, x), poolChannels, point),
	]);
}

function blockB(g: GraphBuilder, x: Value): Value {
	return join(g, [
		unit(g.at("branch3x3"), x, 384, squareBy2),
		chain(g, x, [
			["branch3x3dbl_1", 64, point],
			["branch3x3dbl_2", 96, square],
			["branch3x3dbl_3", 96, squareBy2],
		]),
		maxPool(g, x, { kernel: 3, stride: 2 }),
	]);
}

function blockC(g: GraphBuilder, x: Value, inner: number): Value {
	return join(g, [
		unit(g.at("branch1x1"), x, 192, point),
		chain(g, x, [
			["branch7x7_1", inner, point],
			["branch7x7_2", inner, row(7)],
			["branch7x7_3", 192, column(7)],
		]),
		chain(g, x, [
			["branch7x7dbl_1", inner, point],
			["branch7x7dbl_2", inner, column(7)],
			["branch7x7dbl_3", inner, row(7)],
			["branch7x7dbl_4", inner, column(7)],
			["branch7x7dbl_5", 192, row(7)],
		]),
		unit(g.at("branch_pool"), meanPool(g, x), 192, point),
	]);
}

function blockD(g: GraphBuilder, x: Value): Value {
	return join(g, [
		chain(g, x, [
			["branch3x3_1", 192, point],
			["branch3x3_2", 320, squareBy2],
		]),
		chain(g, x, [
			["branch7x7x3_1", 192, point],
			["branch7x7x3_2", 192, row(7)],
			["branch7x7x3_3", 192, column(7)],
			["branch7x7x3_4", 192, squareBy2],
		]),
		maxPool(g, x, { kernel: 3, stride: 2 }),
	]);
}

function blockE(
	g: GraphBuilder,
	x: Value,
	pool: (g: GraphBuilder, x: Value) => Value,
): Value {
	const fork = (value: Value, name: string) =>
		join(g, [
			unit(g.at(`${name}a`), value, 384, row(3)),
			unit(g.at(`${name}b`), value, 384, column(3)),
		]);
	const single = unit(g.at("branch3x3_1"), x, 384, point);
	const double = chain(g, x, [
		["branch3x3dbl_1", 448, point],
		["branch3x3dbl_2", 384, square],
	]);
	return join(g, [
		unit(g.at("branch1x1"), x, 320, point),
		fork(single, "branch3x3_2"),
		fork(double, "branch3x3dbl_3"),
		unit(g.at("branch_pool"), pool(g, x), 192, point),
	]);
}
