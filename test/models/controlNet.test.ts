import { join } from "node:path";
import { expect, test } from "vitest";
import { unetConfig as stableDiffusion15 } from "../../bench/stableDiffusion15.js";
import {
	buildControlHint,
	buildControlNet,
	controlNetFlops,
} from "../../src/models/controlNet.js";
import { parseControlNetConfig } from "../../src/models/controlNetConfig.js";
import { unetFlops } from "../../src/models/unet.js";
import { parseUnetConfig } from "../../src/models/unetConfig.js";
import type { UnetPart } from "../../src/models/unetPart.js";
import { publishedKeySteps } from "../../src/propagation/publishedKeySteps.js";
import { controlNetPart } from "../../src/weights/parts/controlNetPart.js";
import { openNodePart } from "../../src/weights/parts/nodeOpenPart.js";
import { readGolden, relativeError } from "../goldenFile.js";
import { runGraph } from "./networkTest.js";

const golden = new Map(
	[...readGolden("control_nets")].flatMap(([key, { dims, data }]) =>
		key.startsWith("features/")
			? [[key.slice(9), { dims, data: Float32Array.from(data) }] as const]
			: [],
	),
);
const of = (name: string) => golden.get(name)!;

test("what a control net adds to the UNet's features is what diffusers' gives", async () => {
	const { config, weights } = controlNetPart(
		await openNodePart(join(import.meta.dirname, "tiny-control")),
	);
	const parsed = parseControlNetConfig(config);
	const { hint } = await runGraph(
		buildControlHint(parsed, weights, { batch: 1, height: 64, width: 96 }),
		{ image: of("image") },
	);
	expect(hint.dims).toEqual([1, 8, 8, 12]);
	const dims = { batch: 2, height: 8, width: 12, tokens: 77 };
	const graph = buildControlNet(parsed, weights, dims);
	expect(graph.outputs).toHaveLength(13);
	const features = await runGraph(graph, {
		sample: of("sample"),
		timestep: of("timestep"),
		encoder_hidden_states: of("encoder_hidden_states"),
		hint,
	});
	for (const [name, { dims, data }] of Object.entries(features)) {
		expect(dims).toEqual(of(name).dims);
		expect(relativeError(data, of(name).data)).toBeLessThan(1e-5);
	}
	const used = new Set([
		...graph.tensors.keys(),
		...buildControlHint(parsed, null, {
			batch: 1,
			height: 8,
			width: 8,
		}).tensors.keys(),
	]);
	expect(used).toEqual(new Set(weights.tensors.keys()));
});

test("a control net of Stable Diffusion 1.5 is counted as its encoder half and the convolutions behind it", () => {
	const {
		up_block_types: _,
		_class_name: __,
		...config
	} = stableDiffusion15 as Record<string, unknown>;
	const parsed = parseControlNetConfig({
		...config,
		_class_name: "ControlNetModel",
	});
	const flops = controlNetFlops(parsed, {
		batch: 1,
		height: 64,
		width: 64,
		tokens: 77,
	});
	// arXiv 2312.09608, table 6: 49.5 TFLOPs of 50 steps with guidance
	expect(flops / 1e9).toBeGreaterThan(200);
	expect(flops / 1e9).toBeLessThan(300);
});

test("control nets that are not supported name the key", () => {
	expect(() =>
		parseControlNetConfig({
			_class_name: "ControlNetModel",
			down_block_types: ["DownBlock2D"],
			block_out_channels: [32],
			global_pool_conditions: true,
		}),
	).toThrow(/global_pool_conditions is true/);
	expect(() =>
		parseControlNetConfig({
			_class_name: "ControlNetUnionModel",
			down_block_types: ["DownBlock2D"],
			block_out_channels: [32],
		}),
	).toThrow(/_class_name is "ControlNetUnionModel"/);
});

test("a run at the paper's key steps costs what the paper says, near enough", () => {
	const { up_block_types: _, ...encoder } = stableDiffusion15;
	const dims = { batch: 2, height: 64, width: 64, tokens: 77 };
	const control = controlNetFlops(
		parseControlNetConfig({ ...encoder, _class_name: "ControlNetModel" }),
		dims,
	);
	const unet = parseUnetConfig(stableDiffusion15);
	const half = (part: UnetPart) => unetFlops(unet, part, dims);
	const whole = half({ encoder: "full", decoder: "full" }) + control;
	const decoder = half({ encoder: "none", decoder: "full" });
	const keys = publishedKeySteps(50).length;
	// the paper counts multiply-adds
	const [plain, propagated] = [
		50 * whole,
		keys * whole + (50 - keys) * decoder,
	].map((flops) => flops / 2e12);
	expect(plain).toBeCloseTo(53.6, 1);
	expect(propagated).toBeCloseTo(31.9, 1);
	// Faster Diffusion, the table of other tasks: ControlNet, 49.5 to 31.4 (it seems to leave out the products inside attention)
	expect(Math.abs(plain / 49.5 - 1)).toBeLessThan(0.09);
	expect(Math.abs(propagated / 31.4 - 1)).toBeLessThan(0.02);
});
