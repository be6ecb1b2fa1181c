import { describe, expect, test } from "vitest";
import {
	decodeTiled,
	defaultTiling,
	needsTiling,
} from "../../src/models/tiledDecoding.js";
import { parseVaeConfig } from "../../src/models/vaeConfig.js";
import { buildVaeDecoder } from "../../src/models/vaeDecoder.js";
import { buildVaeEncoder } from "../../src/models/vaeEncoder.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import { relativeError } from "../goldenFile.js";
import { testEngine } from "../runtime/testEngine.js";
import { goldenNetwork, runGraph, testModel } from "./networkTest.js";

const dims = { batch: 1, height: 8, width: 8 };

describe.each(["tiny-sd", "tiny-sd2"])("%s against diffusers", (name) => {
	test("decoder", async () => {
		const { vae } = await testModel(name);
		const golden = goldenNetwork(name, "vae/decode/");
		const graph = buildVaeDecoder(
			parseVaeConfig(vae.config),
			vae.weights,
			dims,
		);
		const { image } = await runGraph(graph, golden);
		expect(image.dims).toEqual(golden.image.dims);
		expect(relativeError(image.data, golden.image.data)).toBeLessThan(1e-5);
	});

	test("encoder", async () => {
		const { vae } = await testModel(name);
		const golden = goldenNetwork(name, "vae/encode/");
		const graph = buildVaeEncoder(
			parseVaeConfig(vae.config),
			vae.weights,
			dims,
		);
		const results = await runGraph(graph, golden);
		for (const key of ["mean", "logvar"]) {
			expect(results[key].dims).toEqual(golden[key].dims);
			expect(relativeError(results[key].data, golden[key].data)).toBeLessThan(
				1e-5,
			);
		}
	});

	test("tiled decoder", async () => {
		const { vae } = await testModel(name);
		const golden = goldenNetwork(name, "vae/tiled/");
		const session = await testEngine.createSession(
			buildVaeDecoder(parseVaeConfig(vae.config), vae.weights, dims),
			{ threads: 1 },
		);
		const tiles: (readonly number[])[] = [];
		const image = await decodeTiled(
			async (latents) => {
				tiles.push(latents.dims);
				return (await session.run({ latents })).image;
			},
			golden.latents,
			{ tile: 8, overlap: 0.25, factor: 8 },
		);
		await session.release();
		expect(Math.max(...tiles.map((shape) => shape[2]))).toBe(8);
		expect(image.dims).toEqual(golden.image.dims);
		expect(relativeError(image.data, golden.image.data)).toBeLessThan(1e-5);
	});

	test("every weight of the file is used", async () => {
		const { vae } = await testModel(name);
		const config = parseVaeConfig(vae.config);
		const used = [buildVaeDecoder, buildVaeEncoder].flatMap((build) => [
			...build(config, vae.weights, dims).tensors.keys(),
		]);
		expect(used.toSorted()).toEqual([...vae.weights.tensors.keys()].toSorted());
	});
});

test("tiles of what every pixel decodes to alone give the same image as decoding it whole, at any size", async () => {
	const decode = async ({ dims: [n, c, h, w], data }: Tensor) => {
		const image = tensor([n, c, 2 * h, 2 * w]);
		for (let i = 0; i < image.data.length; i++) {
			const x = i % (2 * w);
			const row = Math.floor(i / (2 * w));
			image.data[i] = data[(row >> 1) * w + (x >> 1)];
		}
		return image;
	};
	for (const [height, width] of [
		[4, 4],
		[5, 9],
		[13, 4],
		[6, 7],
	])
		for (const tile of [4, 5]) {
			const latents = tensor([2, 3, height, width]);
			for (let i = 0; i < latents.data.length; i++)
				latents.data[i] = (i * 7) % 31;
			const tiled = await decodeTiled(decode, latents, {
				tile,
				overlap: 0.25,
				factor: 2,
			});
			const whole = await decode(latents);
			expect(tiled.dims).toEqual(whole.dims);
			expect(relativeError(tiled.data, whole.data)).toBeLessThan(1e-6);
		}
});

test("tiles are as large as the images the VAE was trained on", async () => {
	const { vae } = await testModel("tiny-sd");
	const tiling = defaultTiling({
		...parseVaeConfig(vae.config),
		sampleSize: 512,
	});
	expect(tiling).toEqual({ tile: 64, overlap: 0.25, factor: 8 });
	expect(needsTiling([64, 64], tiling)).toBe(false);
	expect(needsTiling([64, 72], tiling)).toBe(true);
});

test("faults name the key and its value", async () => {
	const { vae } = await testModel("tiny-sd");
	const parse = (change: object) => () =>
		parseVaeConfig({ ...(vae.config as object), ...change });
	expect(parse({ norm_num_groups: 3 })).toThrow(/norm_num_groups is 3/);
	expect(parse({ latents_mean: [1] })).toThrow(/latents_mean is \[1\]/);
	expect(parse({ up_block_types: ["AttnUpDecoderBlock2D"] })).toThrow(
		/AttnUpDecoderBlock2D/,
	);
	expect(parse({ block_out_channels: [] })).toThrow(
		/block_out_channels is \[\]/,
	);
});
