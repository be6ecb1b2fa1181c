import { expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import {
	type GraphBuilder,
	graphBuilder,
	type Value,
} from "../../src/graph/graphBuilder.js";
import { attention } from "../../src/graph/layers/attention.js";
import { conv2d } from "../../src/graph/layers/conv2d.js";
import { linear } from "../../src/graph/layers/linear.js";
import {
	upsampledConv,
	upsampleLike,
} from "../../src/graph/layers/upsample.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import type { Weights } from "../../src/weights/formats/weights.js";
import { relativeError } from "../goldenFile.js";
import { runGraph } from "../models/networkTest.js";
import { memoryWeights } from "./memoryWeights.js";

/** Values that any floating-point type holds exactly. */
function steps(dims: readonly number[], seed = 1): Tensor {
	const result = tensor(dims);
	for (let i = 0; i < result.data.length; i++)
		result.data[i] = (((i * 37 + seed * 11) % 15) - 7) / 8;
	return result;
}

const layer = new Map([
	["layer.weight", steps([6, 4])],
	["layer.bias", steps([6], 2)],
]);

async function runLinear(weights: Weights, rows?: [number, number]) {
	const g = graphBuilder(weights);
	const x = g.input("x", ["batch", 4], [3, 4]);
	g.output("y", linear(g.at("layer"), x, 6, { rows }));
	return (await runGraph(g.finish(), { x: steps([3, 4], 3) })).y;
}

test.each(["F32", "BF16", "F64"] as const)(
	"%s weights, at any offset, whole and by rows",
	async (dtype) => {
		const x = steps([3, 4], 3);
		const weight = steps([6, 4]);
		const bias = steps([6], 2);
		const expected = Array.from({ length: 18 }, (_, i) => {
			const [row, out] = [Math.floor(i / 6), i % 6];
			let sum = bias.data[out];
			for (let k = 0; k < 4; k++)
				sum += x.data[row * 4 + k] * weight.data[out * 4 + k];
			return sum;
		});
		for (const gap of [0, 3, 8]) {
			const weights = memoryWeights(layer, dtype, gap);
			const whole = await runLinear(weights);
			expect(relativeError(whole.data, expected)).toBeLessThan(1e-6);
			const part = await runLinear(weights, [2, 5]);
			expect(part.dims).toEqual([3, 3]);
			expect(
				relativeError(
					part.data,
					expected.filter((_, i) => i % 6 >= 2 && i % 6 < 5),
				),
			).toBeLessThan(1e-6);
		}
	},
);

test("a weight that is missing, of another shape or of a type no graph computes with is named", () => {
	const weights = memoryWeights(layer);
	const read = (from: Weights, name: string, shape: number[]) => () =>
		graphBuilder(from).at("layer").weight(name, shape);
	expect(read(weights, "scale", [6])).toThrow(UserError);
	expect(read(weights, "scale", [6])).toThrow(
		/^memory: tensor layer.scale is missing .*\[6\]/,
	);
	expect(read(weights, "weight", [4, 6])).toThrow(
		/^memory: tensor layer.weight has shape \[6, 4\].*\[4, 6\]/,
	);
	expect(read(weights, "weight", [6, 4, 1, 1])).not.toThrow();
	const entry = weights.tensors.get("layer.bias")!;
	const withBias = (change: object): Weights => ({
		...weights,
		tensors: new Map([["layer.bias", { ...entry, ...change }]]),
	});
	expect(read(withBias({ dtype: "F8_E4M3" }), "bias", [6])).toThrow(
		/layer.bias is of type F8_E4M3/,
	);
	expect(read(withBias({ length: 20 }), "bias", [6])).toThrow(
		/layer.bias is 20 bytes long.*24/,
	);
});

test("one value can be two outputs, and an input an output", async () => {
	const g = graphBuilder(memoryWeights(layer));
	const x = g.input("x", ["batch", 4], [3, 4]);
	const y = linear(g.at("layer"), x, 6);
	g.output("first", y);
	g.output("second", y);
	g.output("same", x);
	const results = await runGraph(g.finish(), { x: steps([3, 4]) });
	expect(results.first).toEqual(results.second);
	expect(results.same).toEqual(steps([3, 4]));
});

test("without weights a graph has shapes and work, and no model", () => {
	const g = graphBuilder(null);
	const x = g.input("x", ["batch", 4], [3, 4]);
	const y = linear(g.at("layer"), x, 6);
	expect(y.dims).toEqual([3, 6]);
	const graph = g.finish();
	expect(graph.flops).toBe(2 * 3 * 4 * 6);
	expect(graph.model()).toHaveLength(0);
	expect([...graph.tensors]).toEqual([
		["layer.weight", [6, 4]],
		["layer.bias", [6]],
	]);
});

/** softmax(q kᵀ / sqrt(width)) v by its definition. */
function plainAttention(
	q: Tensor,
	k: Tensor,
	v: Tensor,
	heads: number,
	causal: boolean,
): number[] {
	const [batch, queries, features] = q.dims;
	const keys = k.dims[1];
	const width = features / heads;
	const result = new Array<number>(q.data.length).fill(0);
	for (let b = 0; b < batch; b++)
		for (let h = 0; h < heads; h++)
			for (let i = 0; i < queries; i++) {
				const at = (t: Tensor, row: number, count: number, c: number) =>
					t.data[(b * count + row) * features + h * width + c];
				const count = causal ? i + 1 : keys;
				const scores = Array.from({ length: count }, (_, j) => {
					let sum = 0;
					for (let c = 0; c < width; c++)
						sum += at(q, i, queries, c) * at(k, j, keys, c);
					return Math.exp(sum / Math.sqrt(width));
				});
				const total = scores.reduce((a, s) => a + s, 0);
				for (let c = 0; c < width; c++)
					result[(b * queries + i) * features + h * width + c] =
						scores.reduce((sum, s, j) => sum + s * at(v, j, keys, c), 0) /
						total;
			}
	return result;
}

test.each([
	[1, 1, false],
	[3, 7, false],
	[4, 16, true],
	[4, 56, false],
	[8, 40, false],
	[2, 160, false],
	[1, 512, false],
	[2, 5, true],
])(
	"attention: %i heads of width %i, causal %s",
	async (heads, width, causal) => {
		const features = heads * width;
		const [queries, keys] = causal ? [9, 9] : [9, 5];
		const inputs = {
			q: steps([2, queries, features], 1),
			k: steps([2, keys, features], 5),
			v: steps([2, keys, features], 8),
		};
		const g = graphBuilder(memoryWeights(new Map()));
		const value = (name: "q" | "k" | "v"): Value =>
			g.input(name, ["batch", `tokens_${name}`, features], inputs[name].dims);
		g.output(
			"y",
			attention(g, value("q"), value("k"), value("v"), { heads, causal }),
		);
		const { y } = await runGraph(g.finish(), inputs);
		expect(
			relativeError(
				y.data,
				plainAttention(inputs.q, inputs.k, inputs.v, heads, causal),
			),
		).toBeLessThan(1e-5);
	},
);

test("upsampling to an odd size takes the pixel that floor(i · in / out) names", async () => {
	const build = (g: GraphBuilder) => {
		const x = g.input("x", ["batch", 1, "h", "w"], [1, 1, 3, 4]);
		const like = g.input("like", ["batch", 2, "hh", "ww"], [1, 2, 5, 8]);
		g.output("y", upsampleLike(g, x, like));
		return g.finish();
	};
	const x = steps([1, 1, 3, 4]);
	const { y } = await runGraph(build(graphBuilder(memoryWeights(new Map()))), {
		x,
		like: tensor([1, 2, 5, 8]),
	});
	expect(y.dims).toEqual([1, 1, 5, 8]);
	for (let i = 0; i < 5; i++)
		for (let j = 0; j < 8; j++)
			expect(y.data[i * 8 + j]).toBe(
				x.data[Math.floor((i * 3) / 5) * 4 + Math.floor(j / 2)],
			);
});

test.each([
	[1, 1],
	[3, 4],
	[5, 2],
])(
	"the convolution of a map doubled from %i x %i is that of its pixels repeated",
	async (height, width) => {
		const weights = new Map([
			["weight", steps([3, 2, 3, 3], 2)],
			["bias", steps([3], 7)],
		]);
		const x = steps([2, 2, height, width]);
		const build = (convolve: (g: GraphBuilder, x: Value) => Value) => {
			const g = graphBuilder(memoryWeights(weights));
			const value = g.input("x", ["batch", 2, "h", "w"], x.dims);
			g.output("y", convolve(g, value));
			return g.finish();
		};
		const quick = build((g, value) => upsampledConv(g, value, 3));
		const plain = build((g, value) => {
			const like = { name: "like", dims: [2, 2, 2 * height, 2 * width] };
			g.input(like.name, ["batch", 2, "hh", "ww"], like.dims);
			return conv2d(g, upsampleLike(g, value, like), 3);
		});
		const { y } = await runGraph(quick, { x });
		const wanted = await runGraph(plain, {
			x,
			like: tensor([2, 2, 2 * height, 2 * width]),
		});
		expect(y.dims).toEqual(wanted.y.dims);
		expect(relativeError(y.data, wanted.y.data)).toBeLessThan(1e-6);
		expect(quick.flops).toBe(plain.flops);
	},
);
