import { expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.js";
import { graphBuilder } from "../../src/graph/graphBuilder.js";
import {
	defaultFlavour,
	type GraphFlavour,
} from "../../src/graph/graphFlavour.js";
import { attention } from "../../src/graph/layers/attention.js";
import { conv2d } from "../../src/graph/layers/conv2d.js";
import { linear } from "../../src/graph/layers/linear.js";
import { parseClipTextConfig } from "../../src/models/clipConfig.js";
import { buildClipText } from "../../src/models/clipText.js";
import { buildUnet } from "../../src/models/unet.js";
import { parseUnetConfig } from "../../src/models/unetConfig.js";
import { withTimeFeatures } from "../../src/models/unetInputs.js";
import { parseVaeConfig } from "../../src/models/vaeConfig.js";
import { buildVaeDecoder } from "../../src/models/vaeDecoder.js";
import { intRows } from "../../src/runtime/session.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import type { WeightChange } from "../../src/weights/formats/weights.js";
import { relativeError } from "../goldenFile.js";
import { goldenNetwork, runGraph, testModel } from "../models/networkTest.js";
import { memoryWeights } from "./memoryWeights.js";

const flavours: readonly [
	change: Partial<GraphFlavour>,
	tolerance: number,
	operators: { readonly has?: string; readonly lacks?: string },
][] = [
	[{ attention: "plain" }, 2e-6, { lacks: "MultiHeadAttention" }],
	[{ linearWeights: "transposed" }, 2e-6, { lacks: "FusedMatMul" }],
	[{ sinusoids: "input" }, 2e-6, { has: "time_features" }],
	[{ upsampling: "plain" }, 2e-6, {}],
	[{ compute: "float16" }, 5e-3, { has: "Cast" }],
];

/** Each network as a graph of a flavour, with inputs for it. */
async function networks(
	flavour: GraphFlavour,
): Promise<[Graph, Record<string, Tensor>, string][]> {
	const { unet, text_encoder: textEncoder, vae } = await testModel("tiny-sd");
	const config = parseUnetConfig(unet.config);
	const size = { batch: 1, height: 16, width: 16 };
	const inputs = goldenNetwork("tiny-sd", "unet/square/");
	const latents = tensor([1, 4, 8, 8]);
	for (let i = 0; i < latents.data.length; i++)
		latents.data[i] = Math.sin(i * 0.7);
	const ids = intRows([[320, 5, 17, 40, 321, 321, 321]]);
	return [
		[
			buildUnet(
				config,
				unet.weights,
				{ encoder: "full", decoder: "full" },
				{ ...size, tokens: 77 },
				flavour,
			),
			flavour.sinusoids === "input"
				? { ...withTimeFeatures(config, inputs) }
				: inputs,
			"prediction",
		],
		[
			buildClipText(
				parseClipTextConfig(textEncoder.config),
				textEncoder.weights,
				{},
				{ batch: 1, tokens: 7 },
				flavour,
			),
			{ input_ids: ids as unknown as Tensor },
			"hidden_states",
		],
		[
			buildVaeDecoder(parseVaeConfig(vae.config), vae.weights, size, flavour),
			{ latents },
			"image",
		],
	];
}

test.each(flavours)(
	"every network of flavour %j computes the same",
	async (change, tolerance, { has, lacks }) => {
		const made = await networks({ ...defaultFlavour, ...change });
		const reference = await networks(defaultFlavour);
		const text = made.map(([{ model }]) =>
			Buffer.from(model()).toString("latin1"),
		);
		if (has) expect(text.join()).toContain(has);
		if (lacks) expect(text.join()).not.toContain(lacks);
		for (const [i, [graph, inputs, output]] of made.entries()) {
			const [plain, plainInputs] = reference[i];
			const value = (await runGraph(graph, inputs))[output];
			const expected = (await runGraph(plain, plainInputs))[output];
			expect(value.dims).toEqual(expected.dims);
			expect(relativeError(value.data, expected.data)).toBeLessThan(tolerance);
			expect(graph.flops).toBe(plain.flops);
		}
	},
);

test("attention over many tokens is the same in slices, however many there are", async () => {
	const built = (flavour: GraphFlavour["attention"]) => {
		const g = graphBuilder(memoryWeights(new Map()), {
			...defaultFlavour,
			attention: flavour,
		});
		const tokens = (name: string) =>
			g.input(name, ["batch", `${name} tokens`, "features"], [1, 4096, 32]);
		const [q, k, v] = ["q", "k", "v"].map(tokens);
		g.output("mixed", attention(g, q, k, v, { heads: 2 }));
		return g.finish();
	};
	for (const count of [4, 70, 256]) {
		const inputs = Object.fromEntries(
			["q", "k", "v"].map((name, i) => [name, steps([2, count, 32], i)]),
		);
		const { mixed } = await runGraph(built("sliced"), inputs);
		const expected = (await runGraph(built("fused"), inputs)).mixed;
		expect(mixed.dims).toEqual([2, count, 32]);
		expect(relativeError(mixed.data, expected.data)).toBeLessThan(2e-6);
	}
});

test("Slice has its axes written out, which not every engine can do without", async () => {
	const { fromBinary } = await import("@bufbuild/protobuf");
	const { ModelProtoSchema } = await import("onnx-buf");
	for (const [{ model }] of await networks(defaultFlavour))
		for (const { opType, input } of fromBinary(ModelProtoSchema, model()).graph!
			.node)
			if (opType === "Slice") expect(input.length).toBeGreaterThanOrEqual(4);
});

/** Values that float32 holds exactly, so that sums of them do too. */
function steps(dims: readonly number[], seed: number): Tensor {
	const result = tensor(dims);
	for (let i = 0; i < result.data.length; i++)
		result.data[i] = (((i * 37 + seed * 11) % 15) - 7) / 8;
	return result;
}

test.each(["folded", "beside"] as const)(
	"low-rank adapters, %s, add strength · scale · up(down(x)) to linear layers, rows of them, and convolutions",
	async (lowRank) => {
		const tensors = new Map([
			["layer.weight", steps([6, 4], 1)],
			["layer.bias", steps([6], 2)],
			["conv.weight", steps([5, 4, 3, 3], 3)],
			["conv.bias", steps([5], 4)],
			["a.down", steps([2, 4], 5)],
			["a.up", steps([6, 2], 6)],
			["b.down", steps([2, 4, 3, 3], 7)],
			["b.up", steps([5, 2], 8)],
		]);
		const adapters = new Map([
			["layer", [lowRankChange("a", 1)]],
			["conv", [lowRankChange("b", -4)]],
		]);
		function lowRankChange(by: string, scale: number): WeightChange {
			const factor = (name: string) => ({
				name,
				shape: tensors.get(name)?.dims ?? [],
			});
			const matrix = { down: factor(`${by}.down`), up: factor(`${by}.up`) };
			return { of: "weight", matrices: [matrix], scale, strength: 0.5 };
		}
		/** The base weight with scale · up · down added to it: what the adapted layer must equal. */
		const merged = (base: string, by: string, scale: number) => {
			const weight = tensors.get(`${base}.weight`)!;
			const down = tensors.get(`${by}.down`)!;
			const up = tensors.get(`${by}.up`)!;
			const width = down.data.length / 2;
			return {
				dims: weight.dims,
				data: weight.data.map((value, i) => {
					const [row, column] = [Math.floor(i / width), i % width];
					let sum = 0;
					for (let k = 0; k < 2; k++)
						sum += up.data[row * 2 + k] * down.data[k * width + column];
					return value + scale * sum;
				}),
			};
		};
		const inputs = { x: steps([3, 4], 9), image: steps([1, 4, 5, 5], 10) };
		const outputs = (weights: ReturnType<typeof memoryWeights>) => {
			const g = graphBuilder(weights, { ...defaultFlavour, lowRank });
			const x = g.input("x", ["n", 4], [3, 4]);
			const image = g.input("image", [1, 4, 5, 5], [1, 4, 5, 5]);
			g.output("whole", linear(g.at("layer"), x, 6));
			g.output("rows", linear(g.at("layer"), x, 6, { rows: [2, 5] }));
			g.output("convolved", conv2d(g.at("conv"), image, 5, { stride: 2 }));
			return runGraph(g.finish(), inputs);
		};
		const adapted = await outputs({ ...memoryWeights(tensors), adapters });
		const whole = await outputs(
			memoryWeights(
				new Map([
					...tensors,
					["layer.weight", merged("layer", "a", 0.5)],
					["conv.weight", merged("conv", "b", -2)],
				]),
			),
		);
		const plain = await outputs(memoryWeights(tensors));
		for (const name of ["whole", "rows", "convolved"]) {
			expect(relativeError(adapted[name].data, whole[name].data)).toBeLessThan(
				1e-6,
			);
			expect(relativeError(plain[name].data, whole[name].data)).toBeGreaterThan(
				0.1,
			);
		}
	},
);

test("a constant that is a view on a longer array is stored without its neighbours", async () => {
	const { constantInitializer } = await import(
		"../../src/graph/initializer.js"
	);
	const view = Float32Array.from([9, 9, 1, 2, 9, 9]).subarray(2, 4);
	const { data } = constantInitializer("a", view, [2]);
	expect([...new Float32Array((data as Uint8Array).slice().buffer)]).toEqual([
		1, 2,
	]);
});
