import type { Graph } from "../graph/graph.js";
import {
	type GraphBuilder,
	graphBuilder,
	type Value,
} from "../graph/graphBuilder.js";
import { conv2d } from "../graph/layers/conv2d.js";
import { maxPool, spatialMean } from "../graph/layers/pooling.js";
import type { Weights } from "../weights/formats/weights.js";

export const lpipsTrunks = ["alex", "vgg"] as const;
export type LpipsTrunk = (typeof lpipsTrunks)[number];

interface Convolution {
	/** Its number in torchvision's `features`. */
	readonly index: number;
	readonly channels: number;
	readonly kernel: number;
	readonly stride?: number;
	readonly padding: number;
}

/** Stages of a trunk: convolutions with ReLU; each stage's result is compared. A pool stands before every stage that says so. */
interface Stage {
	readonly pool?: { readonly kernel: number; readonly stride: number };
	readonly convolutions: readonly Convolution[];
}

const vggStage = (pooled: boolean, channels: number, indices: number[]) => ({
	...(pooled ? { pool: { kernel: 2, stride: 2 } } : {}),
	convolutions: indices.map((index) => ({
		index,
		channels,
		kernel: 3,
		padding: 1,
	})),
});

const pool3 = { kernel: 3, stride: 2 };

/** torchvision's AlexNet and VGG16, cut where LPIPS reads them. */
const trunks: Readonly<Record<LpipsTrunk, readonly Stage[]>> = {
	alex: [
		{
			convolutions: [
				{ index: 0, channels: 64, kernel: 11, stride: 4, padding: 2 },
			],
		},
		{
			pool: pool3,
			convolutions: [{ index: 3, channels: 192, kernel: 5, padding: 2 }],
		},
		{
			pool: pool3,
			convolutions: [{ index: 6, channels: 384, kernel: 3, padding: 1 }],
		},
		{ convolutions: [{ index: 8, channels: 256, kernel: 3, padding: 1 }] },
		{ convolutions: [{ index: 10, channels: 256, kernel: 3, padding: 1 }] },
	],
	vgg: [
		vggStage(false, 64, [0, 2]),
		vggStage(true, 128, [5, 7]),
		vggStage(true, 256, [10, 12, 14]),
		vggStage(true, 512, [17, 19, 21]),
		vggStage(true, 512, [24, 26, 28]),
	],
};

const shift = [-0.03, -0.088, -0.188];
const scale = [0.458, 0.448, 0.45];

/**
 * LPIPS 0.1 (Zhang et al. 2018, arXiv 1801.03924; the package `lpips`): the distance of two pictures in the features of
 * AlexNet or VGG16, weighted by learned channels. Weights: torchvision's trunk (`features.N.weight`, …) joined with
 * lpips' `linK.model.1.weight`. Inputs `first` and `second` [batch, 3, height, width] in −1 … 1; output `distance`
 * [batch].
 * @throws UserError when a weight is missing or of another shape.
 */
export function buildLpips(
	trunk: LpipsTrunk,
	weights: Weights | null,
	dims: {
		readonly batch: number;
		readonly height: number;
		readonly width: number;
	},
): Graph {
	const g = graphBuilder(weights);
	const picture = (name: string) => {
		const input = g.input(
			name,
			["batch", 3, "height", "width"],
			[dims.batch, 3, dims.height, dims.width],
		);
		return trunkFeatures(g, scaled(g, input), trunks[trunk]);
	};
	const second = picture("second");
	const parts = picture("first").map((feature, stage) => {
		const difference = g.node(
			"Sub",
			[unitLength(g, feature), unitLength(g, second[stage])],
			{ dims: feature.dims },
		);
		const squares = g.node("Mul", [difference, difference], {
			dims: feature.dims,
		});
		const [batch, channels, height, width] = feature.dims;
		const weight = g.weight(`lin${stage}.model.1.weight`, [1, channels, 1, 1], {
			as: [1, channels, 1, 1],
		});
		g.countMultiplyAdds(batch * channels * height * width);
		const weighted = g.node("Conv", [squares, weight], {
			dims: [batch, 1, height, width],
			attributes: { kernel_shape: [1n, 1n] },
		});
		return spatialMean(g, weighted);
	});
	const sum = g.node("Sum", parts, { dims: parts[0].dims });
	g.output(
		"distance",
		g.node("Reshape", [sum, g.integers([-1])], { dims: [dims.batch] }),
	);
	return g.finish();
}

function scaled(g: GraphBuilder, x: Value): Value {
	const channels = (values: readonly number[]) =>
		g.floats(Float32Array.from(values), [1, 3, 1, 1]);
	const shifted = g.node("Sub", [x, channels(shift)], { dims: x.dims });
	return g.node("Div", [shifted, channels(scale)], { dims: x.dims });
}

function trunkFeatures(
	g: GraphBuilder,
	x: Value,
	stages: readonly Stage[],
): Value[] {
	const features: Value[] = [];
	let value = x;
	for (const { pool, convolutions } of stages) {
		if (pool) value = maxPool(g, value, pool);
		for (const convolution of convolutions) {
			const { index, channels, kernel, stride, padding } = convolution;
			const convolved = conv2d(g.at("features", index), value, channels, {
				kernel,
				stride,
				padding: [padding, padding, padding, padding],
			});
			value = g.node("Relu", [convolved], { dims: convolved.dims });
		}
		features.push(value);
	}
	return features;
}

/** Each pixel's features divided by their length. */
function unitLength(g: GraphBuilder, x: Value): Value {
	const [batch, , ...size] = x.dims;
	const length = g.node("ReduceL2", [x, g.integers([1])], {
		dims: [batch, 1, ...size],
		attributes: { keepdims: 1n },
	});
	const epsilon = g.floats(Float32Array.of(1e-10), [1]);
	const divisor = g.node("Add", [length, epsilon], { dims: length.dims });
	return g.node("Div", [x, divisor], { dims: x.dims });
}
