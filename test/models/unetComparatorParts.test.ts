import { describe, expect, test } from "vitest";
import { unetConfig as stableDiffusion15 } from "../../bench/stableDiffusion15.js";
import { mergePositions } from "../../src/models/mergePositions.js";
import { buildUnet, unetFlops } from "../../src/models/unet.js";
import { parseUnetConfig } from "../../src/models/unetConfig.js";
import { CROSS_ATTENTION, type UnetPart } from "../../src/models/unetPart.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { relativeError } from "../goldenFile.js";
import { goldenNetwork, runGraph, testModel } from "./networkTest.js";

const whole: UnetPart = { encoder: "full", decoder: "full" };
const sd15 = parseUnetConfig(stableDiffusion15);
const dims = { batch: 1, height: 64, width: 64, tokens: 77 };
/** Channels and pixels of Stable Diffusion's 16 transformer blocks. */
const blocks = [
	...Array.from({ length: 5 }, () => ({ channels: 320, pixels: 4096 })),
	...Array.from({ length: 5 }, () => ({ channels: 640, pixels: 1024 })),
	...Array.from({ length: 5 }, () => ({ channels: 1280, pixels: 256 })),
	{ channels: 1280, pixels: 64 },
];

describe("cross-attentions as outputs and inputs", () => {
	test("a network fed its own cross-attentions predicts the same, without any text", async () => {
		const { config, weights } = (await testModel("tiny-sd")).unet;
		const golden = goldenNetwork("tiny-sd", "unet/square/");
		const build = (crossAttention: "input" | "output") =>
			buildUnet(
				parseUnetConfig(config),
				weights,
				{ ...whole, crossAttention },
				dims,
			);
		const outputs = await runGraph(build("output"), golden);
		expect(
			relativeError(outputs.prediction.data, golden.prediction.data),
		).toBeLessThan(1e-5);
		const kept = Object.fromEntries(
			Object.entries(outputs).filter(([name]) =>
				name.startsWith(CROSS_ATTENTION),
			),
		);
		// 2 in each of three down blocks, 3 in each of three up blocks, and the mid block
		expect(Object.keys(kept)).toHaveLength(16);
		const reading = build("input");
		expect(reading.inputs).not.toContain("encoder_hidden_states");
		expect(
			[...reading.tensors.keys()].filter((name) => /attn2|norm2\./.test(name)),
		).toEqual(
			// the residual blocks' second norms, and no transformer's
			[...reading.tensors.keys()].filter((name) =>
				/resnets\.\d+\.norm2\./.test(name),
			),
		);
		const { prediction } = await runGraph(reading, { ...golden, ...kept });
		expect(relativeError(prediction.data, golden.prediction.data)).toBeLessThan(
			1e-5,
		);
	});

	test("kept ones cost nothing, as outputs they cost what they did", () => {
		const flops = (part: UnetPart) => unetFlops(sd15, part, dims);
		expect(flops({ ...whole, crossAttention: "output" })).toBe(flops(whole));
		const multiplyAdds = blocks.reduce(
			(sum, { channels, pixels }) =>
				sum +
				// to_q and to_out on pixels, to_k and to_v on text, scores and values
				2 * pixels * channels ** 2 +
				2 * 77 * 768 * channels +
				2 * pixels * 77 * channels,
			0,
		);
		expect(flops(whole) - flops({ ...whole, crossAttention: "input" })).toBe(
			2 * multiplyAdds,
		);
	});
});

describe("merged tokens", () => {
	test("cost less in the five self-attentions at full resolution, and the matching is counted", () => {
		const [channels, pixels, targets, left] = [320, 4096, 1024, 2048];
		const attention = (tokens: number) =>
			4 * tokens * channels ** 2 + 2 * tokens ** 2 * channels;
		const matching = (pixels - targets) * targets * channels;
		expect(
			unetFlops(sd15, whole, dims) -
				unetFlops(sd15, { ...whole, mergeTokens: 0.5 }, dims),
		).toBe(2 * 5 * (attention(pixels) - attention(left) - matching));
	});

	test("none merged predict what the whole network does, at sizes even and odd", async () => {
		const { config, weights } = (await testModel("tiny-sd")).unet;
		const graph = buildUnet(
			parseUnetConfig(config),
			weights,
			{ ...whole, mergeTokens: 0 },
			dims,
		);
		for (const shape of ["square", "odd"]) {
			const golden = goldenNetwork("tiny-sd", `unet/${shape}/`);
			const [batch, , height, width] = golden.sample.dims;
			const { sources, targets } = mergePositions({ height, width }, () => 0);
			const positions = (row: readonly number[]): Tensor => ({
				dims: [batch, row.length],
				data: Float32Array.from(
					Array.from({ length: batch }, () => row).flat(),
				),
			});
			const { prediction } = await runGraph(graph, {
				...golden,
				merge_sources: positions(sources),
				merge_targets: positions(targets),
			});
			expect(
				relativeError(prediction.data, golden.prediction.data),
			).toBeLessThan(1e-5);
		}
	});
});

test("targets are one chosen pixel of each whole square of 2 x 2", () => {
	const choices = [0, 1, 2, 3];
	const { sources, targets } = mergePositions(
		{ height: 5, width: 4 },
		() => choices.shift()!,
	);
	expect(targets).toEqual([0, 3, 12, 15]);
	expect([...sources, ...targets].toSorted((a, b) => a - b)).toEqual(
		Array.from({ length: 20 }, (_, at) => at),
	);
});
