import { describe, expect, test } from "vitest";
import { unetConfig as stableDiffusion15 } from "../../bench/stableDiffusion15.js";
import { buildUnet, unetFlops } from "../../src/models/unet.js";
import { parseUnetConfig } from "../../src/models/unetConfig.js";
import { skipFeatures } from "../../src/models/unetLayout.js";
import type { UnetPart } from "../../src/models/unetPart.js";
import { rows, type Tensor } from "../../src/tensor/tensor.js";
import type { NetworkFiles } from "../../src/weights/folder/modelFiles.js";
import { relativeError } from "../goldenFile.js";
import { testEngine } from "../runtime/testEngine.js";
import { goldenNetwork, runGraph, testModel } from "./networkTest.js";

const dims = { batch: 1, height: 16, width: 16, tokens: 77 };

/** Another engine compiles every part anew for every size, which takes nearly all of its time: of what it has drawn once it draws no more. */
const all =
	testEngine.name === "onnxruntime" || process.env.FDIFF_TEST_ALL !== undefined;
const shapesOf = (name: string) =>
	all
		? ["square", "wide", "odd"]
		: name === "tiny-sd"
			? ["square", "odd"]
			: ["wide"];
const cuts = all ? [1, 2, 4, 5] : [1, 4];

async function runPart(
	{ config, weights }: NetworkFiles,
	part: UnetPart,
	inputs: Record<string, Tensor>,
) {
	return runGraph(
		buildUnet(parseUnetConfig(config), weights, part, dims),
		inputs,
	);
}

describe.each(["tiny-sd", "tiny-sd2"])("%s against diffusers", (name) => {
	test.each(shapesOf(name))("both halves, %s", async (shape) => {
		const { unet } = await testModel(name);
		const golden = goldenNetwork(name, `unet/${shape}/`);
		const features = await runPart(
			unet,
			{ encoder: "full", decoder: "none" },
			golden,
		);
		const count = skipFeatures(parseUnetConfig(unet.config)).length;
		expect(Object.keys(features)).toHaveLength(count + 1);
		for (const [feature, { dims, data }] of Object.entries(features)) {
			expect(dims).toEqual(golden[feature].dims);
			expect(relativeError(data, golden[feature].data)).toBeLessThan(1e-5);
		}
		const { prediction } = await runPart(
			unet,
			{ encoder: "none", decoder: "full" },
			golden,
		);
		expect(prediction.dims).toEqual(golden.prediction.dims);
		expect(relativeError(prediction.data, golden.prediction.data)).toBeLessThan(
			1e-5,
		);
	});

	test("the whole network in one graph, with deep features and up blocks", async () => {
		const { unet } = await testModel(name);
		const golden = goldenNetwork(name, "unet/square/");
		const deep = Object.keys(golden).filter((key) => key.startsWith("deep_"));
		const blocks = Object.keys(golden).filter((key) =>
			key.startsWith("up_blocks."),
		);
		expect(deep.length).toBeGreaterThanOrEqual(5);
		const results = await runPart(
			unet,
			{
				encoder: "full",
				decoder: "full",
				deepOutputs: deep.map((key) => Number(key.slice("deep_".length))),
				observe: blocks,
			},
			golden,
		);
		for (const key of ["prediction", ...deep, ...blocks])
			expect(relativeError(results[key].data, golden[key].data)).toBeLessThan(
				1e-5,
			);
	});

	test("a shallow cut, fed its own deep feature, predicts what the whole does", async () => {
		const { unet } = await testModel(name);
		const golden = goldenNetwork(name, "unet/square/");
		for (const cut of cuts) {
			const inputs = { ...golden, deep: golden[`deep_${cut}`] };
			const { prediction } = await runPart(
				unet,
				{ encoder: cut, decoder: cut },
				inputs,
			);
			expect(
				relativeError(prediction.data, golden.prediction.data),
			).toBeLessThan(1e-5);
		}
	});

	test("a batch equals its samples one by one", async () => {
		const { unet } = await testModel(name);
		const golden = goldenNetwork(name, "unet/square/");
		const session = await testEngine.createSession(
			buildUnet(
				parseUnetConfig(unet.config),
				unet.weights,
				{ encoder: "full", decoder: "full" },
				dims,
			),
			{ threads: 1 },
		);
		const { prediction } = await session.run(golden);
		for (const sample of [0, 1]) {
			const one = Object.fromEntries(
				session.inputs.map((key) => [
					key,
					rows(golden[key], sample, sample + 1),
				]),
			);
			const alone = await session.run(one);
			expect(
				relativeError(
					alone.prediction.data,
					rows(prediction, sample, sample + 1).data,
				),
			).toBeLessThan(1e-6);
		}
		await session.release();
	});
});

test("fp16 weights give the same prediction as the fp32 file of the same values", async () => {
	const { unet } = await testModel("tiny-sd", { variant: "fp16" });
	expect(
		[...unet.weights.tensors.values()].some(({ dtype }) => dtype === "F16"),
	).toBe(true);
	const golden = goldenNetwork("tiny-sd", "unet/square/");
	const { prediction } = await runPart(
		unet,
		{ encoder: "full", decoder: "full" },
		golden,
	);
	expect(relativeError(prediction.data, golden.prediction.data)).toBeLessThan(
		1e-5,
	);
});

test("the first skip feature alone needs the latents and nothing else", async () => {
	const { unet } = await testModel("tiny-sd");
	const golden = goldenNetwork("tiny-sd", "unet/square/");
	const graph = buildUnet(
		parseUnetConfig(unet.config),
		unet.weights,
		{ encoder: 1, decoder: "none" },
		dims,
	);
	expect(graph.inputs).toEqual(["sample"]);
	const { skip_0 } = await runGraph(graph, golden);
	expect(relativeError(skip_0.data, golden.skip_0.data)).toBeLessThan(1e-5);
});

test("down blocks are observed by name: a block's output is its last skip feature, a layer's its own", async () => {
	const { unet } = await testModel("tiny-sd");
	const golden = goldenNetwork("tiny-sd", "unet/square/");
	const seen = await runPart(
		unet,
		{
			encoder: "full",
			decoder: "none",
			observe: ["conv_in", "down_blocks.0", "down_blocks.0.1", "mid_block"],
		},
		golden,
	);
	const same = {
		conv_in: "skip_0",
		"down_blocks.0.1": "skip_2",
		"down_blocks.0": "skip_3",
		mid_block: "mid",
	};
	for (const [block, feature] of Object.entries(same))
		expect(seen[block]).toEqual(seen[feature]);
});

test("a cut or a block that the network does not have is refused", async () => {
	const { unet } = await testModel("tiny-sd");
	const config = parseUnetConfig(unet.config);
	const build = (part: UnetPart) => () =>
		buildUnet(config, unet.weights, part, dims);
	expect(build({ encoder: 13, decoder: "none" })).toThrow(/12 skip features/);
	expect(build({ encoder: "none", decoder: 0 })).toThrow(/cannot be cut at 0/);
	expect(build({ encoder: "none", decoder: "none" })).toThrow(/nothing/);
	expect(
		build({ encoder: "full", decoder: "none", observe: ["up_blocks.0"] }),
	).toThrow(/no block up_blocks.0/);
	expect(build({ encoder: 2, decoder: 2, deepOutputs: [3] })).toThrow(/deep_3/);
});

test("work of Stable Diffusion v1.5 at 64x64 latents", () => {
	const config = parseUnetConfig(stableDiffusion15);
	const sizes = { batch: 1, height: 64, width: 64, tokens: 77 };
	const flops = (part: UnetPart) => unetFlops(config, part, sizes);
	const whole = flops({ encoder: "full", decoder: "full" });
	const encoder = flops({ encoder: "full", decoder: "none" });
	const decoder = flops({ encoder: "none", decoder: "full" });
	expect(whole / 1e9).toBeCloseTo(803.27, 1);
	expect(encoder / whole).toBeCloseTo(0.325, 3);
	// both halves compute the time embedding
	expect((encoder + decoder - whole) / 1e9).toBeCloseTo(0.004, 3);
	expect(
		unetFlops(
			config,
			{ encoder: "full", decoder: "full" },
			{ ...sizes, batch: 3 },
		),
	).toBe(3 * whole);

	// The paper says 741 GFLOPs, 32 % of them in the encoder: that is convolutions and linear layers at two operations a multiply-add, and
	// attention's two products at one. Other tools leave attention out: 677 GFLOPs (339 GMACs).
	const attentions = { encoder: [2, 2, 2, 1], decoder: [3, 3, 3, 0] };
	const attention = (counts: readonly number[]) =>
		config.levels.reduce((sum, { channels }, level) => {
			const tokens = (sizes.height * sizes.width) / 4 ** level;
			return (
				sum + counts[level] * 4 * tokens * (tokens + sizes.tokens) * channels
			);
		}, 0);
	const inEncoder = attention(attentions.encoder);
	const inAll = inEncoder + attention(attentions.decoder);
	expect((whole - inAll) / 1e9).toBeCloseTo(677.22, 1);
	expect((whole - inAll / 2) / 1e9).toBeCloseTo(740.25, 1);
	const published = (encoder - inEncoder / 2) / (whole - inAll / 2);
	expect(published).toBeCloseTo(0.319, 3);
});

test("the encoder's and decoder's weights are all there are", async () => {
	for (const name of ["tiny-sd", "tiny-sd2"]) {
		const { unet } = await testModel(name);
		const config = parseUnetConfig(unet.config);
		const { tensors } = buildUnet(
			config,
			null,
			{ encoder: "full", decoder: "full" },
			dims,
		);
		const inFile = [...unet.weights.tensors].map(([key, { shape }]) => [
			key,
			shape,
		]);
		expect(new Map(tensors)).toEqual(new Map(inFile as never));
	}
});
