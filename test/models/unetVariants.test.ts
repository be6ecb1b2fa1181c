import { expect, test } from "vitest";
import { buildUnet } from "../../src/models/unet.js";
import { parseUnetConfig } from "../../src/models/unetConfig.js";
import { readGolden, relativeError } from "../goldenFile.js";
import { memoryWeights } from "../graph/memoryWeights.js";
import { runGraph } from "./networkTest.js";

/** As in test/reference/unet_variants.py, which made test/golden/unet_variants.safetensors. */
const variants = {
	lists: {
		block_out_channels: [8, 12],
		layers_per_block: [1, 2],
		attention_head_dim: [1, 3],
		transformer_layers_per_block: [1, 2],
		only_cross_attention: [true, false],
		downsample_padding: 0,
		flip_sin_to_cos: false,
		freq_shift: 1,
		use_linear_projection: true,
		time_embedding_dim: 24,
		act_fn: "gelu",
		cross_attention_dim: 6,
		conv_in_kernel: 5,
		conv_out_kernel: 1,
		in_channels: 5,
		out_channels: 3,
		norm_num_groups: 4,
		norm_eps: 1e-4,
		down_block_types: ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
		up_block_types: ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
	},
	headless: {
		block_out_channels: [8, 28, 12],
		layers_per_block: 1,
		attention_head_dim: 4,
		cross_attention_dim: 10,
		mid_block_type: null,
		norm_num_groups: 4,
		down_block_types: ["DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
		up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
	},
	plain_mid: {
		block_out_channels: [8, 8],
		layers_per_block: 2,
		num_attention_heads: 8,
		attention_head_dim: 2,
		cross_attention_dim: 4,
		mid_block_type: "UNetMidBlock2D",
		norm_num_groups: 2,
		down_block_types: ["CrossAttnDownBlock2D", "DownBlock2D"],
		up_block_types: ["UpBlock2D", "UpBlock2D"],
	},
};

test.each(Object.entries(variants))(
	"%s predicts what diffusers does",
	async (name, json) => {
		const golden = new Map(
			[...readGolden("unet_variants")]
				.filter(([key]) => key.startsWith(`${name}/`))
				.map(([key, array]) => [key.slice(name.length + 1), array]),
		);
		const prefix = "weights/";
		const weights = memoryWeights(
			new Map(
				[...golden]
					.filter(([key]) => key.startsWith(prefix))
					.map(([key, array]) => [key.slice(prefix.length), array]),
			),
		);
		const inputs = Object.fromEntries(
			[...golden].map(([key, { dims, data }]) => [
				key,
				{ dims, data: Float32Array.from(data) },
			]),
		);
		const graph = buildUnet(
			parseUnetConfig(json),
			weights,
			{ encoder: "full", decoder: "full" },
			{ batch: 2, height: 8, width: 12, tokens: 5 },
		);
		expect([...graph.tensors.keys()].toSorted()).toEqual(
			[...weights.tensors.keys()].toSorted(),
		);
		const { prediction } = await runGraph(graph, inputs);
		expect(prediction.dims).toEqual(inputs.prediction.dims);
		expect(relativeError(prediction.data, inputs.prediction.data)).toBeLessThan(
			1e-5,
		);
	},
);
