import { expect, test } from "vitest";
import { unetConfig as stableDiffusion15 } from "../../bench/stableDiffusion15.js";
import { UserError } from "../../src/errors/userError.js";
import { unetFlops } from "../../src/models/unet.js";
import { parseUnetConfig } from "../../src/models/unetConfig.js";
import { skipFeatures, upLayers } from "../../src/models/unetLayout.js";

const parse = (change: object) =>
	parseUnetConfig({ ...stableDiffusion15, ...change }, "unet/config.json");

test("Stable Diffusion v1.5: four levels, eight heads, twelve skip features", () => {
	const config = parse({});
	expect(config.levels.map(({ channels }) => channels)).toEqual([
		320, 640, 1280, 1280,
	]);
	expect(config.levels.map(({ heads }) => heads)).toEqual([8, 8, 8, 8]);
	expect(config.levels.map(({ downAttention }) => downAttention)).toEqual([
		true,
		true,
		true,
		false,
	]);
	expect(config.levels.map(({ upAttention }) => upAttention)).toEqual([
		true,
		true,
		true,
		false,
	]);
	expect(config.timeEmbeddingDim).toBe(1280);
	expect(config.sampleSize).toEqual([64, 64]);
	const skips = skipFeatures(config);
	expect(skips.map(({ channels }) => channels)).toEqual([
		320, 320, 320, 320, 640, 640, 640, 1280, 1280, 1280, 1280, 1280,
	]);
	// up layer u consumes skip S-1-u, which must have its size
	expect(upLayers(config).map(({ level }) => level)).toEqual(
		skips.toReversed().map(({ halvings }) => halvings),
	);
});

test("lists give each level its own, and num_attention_heads wins over attention_head_dim", () => {
	const config = parse({
		attention_head_dim: [5, 10, 20, 20],
		layers_per_block: [1, 2, 3, 1],
		transformer_layers_per_block: [1, 2, 1, 4],
		only_cross_attention: [true, false, false, false],
	});
	expect(config.levels.map(({ heads }) => heads)).toEqual([5, 10, 20, 20]);
	expect(config.levels.map(({ downLayers }) => downLayers)).toEqual([
		1, 2, 3, 1,
	]);
	expect(config.levels.map(({ upLayers }) => upLayers)).toEqual([2, 3, 4, 2]);
	expect(config.levels[1].transformerBlocks).toBe(2);
	expect(config.levels[0].onlyCrossAttention).toBe(true);
	expect(
		parse({ num_attention_heads: 4 }).levels.map(({ heads }) => heads),
	).toEqual([4, 4, 4, 4]);
});

test.each<[object, RegExp]>([
	[{ class_embed_type: "timestep" }, /class_embed_type is "timestep"/],
	[{ num_class_embeds: 7 }, /num_class_embeds is 7/],
	[{ addition_embed_type: "text_time" }, /addition_embed_type is "text_time"/],
	[{ dual_cross_attention: true }, /dual_cross_attention is true/],
	[{ resnet_time_scale_shift: "scale_shift" }, /"scale_shift".*"default"/],
	[{ _class_name: "UNet1DModel" }, /_class_name is "UNet1DModel"/],
	[{ down_block_types: ["AttnDownBlock2D"] }, /down_block_types.*4 items/],
	[
		{ down_block_types: Array(4).fill("AttnDownBlock2D") },
		/down_block_types has "AttnDownBlock2D"/,
	],
	[{ mid_block_type: "UNetMidBlock2DSimpleCrossAttn" }, /mid_block_type/],
	[{ block_out_channels: [320, 640] }, /down_block_types/],
	[{ block_out_channels: "many" }, /block_out_channels is "many"/],
	[{ block_out_channels: [320, 640, -1, 8] }, /block_out_channels.2 is -1/],
	[{ norm_num_groups: 33 }, /norm_num_groups is 33/],
	[{ attention_head_dim: 7 }, /attention_head_dim is 7/],
	[{ attention_head_dim: [8, 8] }, /attention_head_dim is \[8,8\].*4 items/],
	[{ act_fn: "mish" }, /act_fn is "mish"/],
	[{ conv_in_kernel: 4 }, /conv_in_kernel is 4/],
])("%o is one line that names the key", (change, message) => {
	expect(() => parse(change)).toThrow(UserError);
	expect(() => parse(change)).toThrow(message);
	expect(() => parse(change)).toThrow(/^unet\/config.json: [^\n]+$/);
});

test("what is no object at all is refused", () => {
	for (const json of [null, 3, "x", [], undefined])
		expect(() => parseUnetConfig(json)).toThrow(UserError);
});

test("two, three and four levels, with and without a mid block", () => {
	for (const levels of [1, 2, 3, 4])
		for (const mid_block_type of [
			"UNetMidBlock2DCrossAttn",
			"UNetMidBlock2D",
			null,
		]) {
			const config = parse({
				block_out_channels: [32, 64, 64, 96].slice(0, levels),
				down_block_types: Array(levels).fill("CrossAttnDownBlock2D"),
				up_block_types: Array(levels).fill("CrossAttnUpBlock2D"),
				mid_block_type,
			});
			const flops = unetFlops(
				config,
				{ encoder: "full", decoder: "full" },
				{ batch: 1, height: 8, width: 8, tokens: 4 },
			);
			expect(flops).toBeGreaterThan(0);
		}
});
