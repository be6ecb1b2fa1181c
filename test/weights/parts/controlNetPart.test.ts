import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseControlNetConfig } from "../../../src/models/controlNetConfig.js";
import type { TensorEntry } from "../../../src/weights/formats/weights.js";
import { controlNetPart } from "../../../src/weights/parts/controlNetPart.js";
import { openNodePart } from "../../../src/weights/parts/nodeOpenPart.js";

const models = join(import.meta.dirname, "..", "..", "models");

/** Tensors of such shapes. */
function named(shapes: Readonly<Record<string, readonly number[]>>) {
	const tensors = new Map<string, TensorEntry>(
		Object.entries(shapes).map(([name, shape]) => [
			name,
			{ name, shape, dtype: "F16", file: "file", offset: 0, length: 0 },
		]),
	);
	return {
		label: "net.safetensors",
		weights: { label: "net.safetensors", files: new Map(), tensors },
	};
}

/** The tensors of an original file for 2.x that its config is told from. */
const original = {
	"input_hint_block.0.weight": [16, 3, 3, 3],
	"input_hint_block.4.weight": [32, 16, 3, 3],
	"input_hint_block.8.weight": [96, 32, 3, 3],
	"input_hint_block.12.weight": [256, 96, 3, 3],
	"input_hint_block.14.weight": [320, 256, 3, 3],
	"input_blocks.0.0.weight": [320, 4, 3, 3],
	"input_blocks.1.0.in_layers.2.weight": [320, 320, 3, 3],
	"input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": [320, 1024],
	"input_blocks.3.0.op.weight": [320, 320, 3, 3],
	"input_blocks.4.0.in_layers.2.weight": [640, 320, 3, 3],
	"middle_block.1.proj_in.weight": [640, 640],
	"middle_block.1.transformer_blocks.0.attn2.to_k.weight": [640, 1024],
	"middle_block_out.0.weight": [640, 640, 1, 1],
	"zero_convs.0.0.weight": [320, 320, 1, 1],
};
const prefixed = Object.fromEntries(
	Object.entries(original).map(([name, shape]) => [
		`control_model.${name}`,
		shape,
	]),
);

test("an original file holds the tensors of the folder", async () => {
	const folder = await openNodePart(join(models, "tiny-control"));
	const single = await openNodePart(
		join(models, "tiny-control.single.safetensors"),
	);
	// what its norms mean cannot be told from so few channels: the tensors alone are asked for
	const shapes = Object.fromEntries(
		[...single.weights.tensors].map(([name, { shape }]) => [
			name,
			shape.map((size) => size * 32),
		]),
	);
	const { weights } = controlNetPart(named(shapes));
	expect([...weights.tensors.keys()].sort()).toEqual(
		[...folder.weights.tensors.keys()].sort(),
	);
	for (const [name, { shape }] of folder.weights.tensors)
		expect(weights.tensors.get(name)?.shape).toEqual(
			shape.map((size) => size * 32),
		);
});

test.each([
	["with its prefix", prefixed],
	["without", original],
])(
	"the config of an original file is told from its shapes, %s",
	(_, shapes) => {
		const config = parseControlNetConfig(controlNetPart(named(shapes)).config);
		expect(config).toMatchObject({
			imageChannels: 3,
			embeddingChannels: [16, 32, 96, 256],
			unet: { linearProjection: true, inChannels: 4 },
		});
		expect(
			config.unet.levels.map(({ crossAttentionDim }) => crossAttentionDim),
		).toEqual([1024, 1024]);
	},
);

describe("what is no control net is said", () => {
	test.each([
		[
			"a difference",
			{ ...prefixed, difference: [1] },
			/difference of a control net/,
		],
		[
			"a LoRA",
			{ "lora_unet_x.lora_up.weight": [1, 1] },
			/is no control net: it is a LoRA/,
		],
		[
			"nothing known",
			{ x: [1] },
			/is no control net \(it has tensors such as x\)/,
		],
		[
			"diffusers' names without a config",
			{ "controlnet_cond_embedding.conv_in.weight": [1] },
			/give its folder/,
		],
	])("%s", (_, shapes, message) => {
		expect(() => controlNetPart(named(shapes as never))).toThrow(message);
	});

	test("a folder without weights", async () => {
		await expect(openNodePart(join(models, "torch-archives"))).rejects.toThrow(
			/has no diffusion_pytorch_model.safetensors/,
		);
	});
});
