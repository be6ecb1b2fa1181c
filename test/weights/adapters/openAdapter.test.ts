import { join } from "node:path";
import { expect, test } from "vitest";
import { adapterName } from "../../../src/weights/adapters/adapterNames.js";
import { layerChanges } from "../../../src/weights/adapters/layerChanges.js";
import { openNodeAdapterFile } from "../../../src/weights/adapters/nodeAdapterFile.js";
import {
	type AdapterFile,
	openAdapter,
} from "../../../src/weights/adapters/openAdapter.js";
import {
	type AdapterUse,
	withAdapters,
} from "../../../src/weights/adapters/withAdapters.js";
import { openNodeWeightFile } from "../../../src/weights/formats/nodeModelFolder.js";
import type { TensorEntry } from "../../../src/weights/formats/weights.js";
import { openModel } from "../../../src/weights/nodeOpenModel.js";
import { models, tinySd, tinySd2 } from "../../pipeline/tinyModels.js";

/** An adapter of tensors that have shapes and no content. */
function adapterOf(
	shapes: Readonly<Record<string, readonly number[]>>,
): AdapterFile {
	const tensors = Object.entries(shapes).map(
		([name, shape]): [string, TensorEntry] => [
			name,
			{ name, dtype: "F32", shape, file: "a", offset: 0, length: 4 },
		],
	);
	return {
		label: "some.safetensors",
		name: "some",
		hash: "0123456789ab",
		weights: {
			label: "some.safetensors",
			files: new Map([["a", { bytes: new Uint8Array(4) }]]),
			tensors: new Map(tensors),
		},
		metadata: new Map(),
	};
}

const toQ = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q";
const toOut = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out";
const conv = "down_blocks.1.resnets.0.conv1";

test.each([
	[
		"kohya",
		`lora_unet_${toQ.replaceAll(".", "_")}`,
		".lora_down.weight",
		".lora_up.weight",
		toQ,
	],
	["PEFT in diffusers", `unet.${toQ}`, ".lora_A.weight", ".lora_B.weight", toQ],
	[
		"PEFT alone",
		`base_model.model.${toQ}`,
		".lora_A.default.weight",
		".lora_B.default.weight",
		toQ,
	],
	["old diffusers", `unet.${toQ}`, ".lora.down.weight", ".lora.up.weight", toQ],
	[
		"old attention processors",
		`unet.${toQ.replace(".to_q", ".processor.to_q_lora")}`,
		".down.weight",
		".up.weight",
		toQ,
	],
	[
		"the layer in a sequence",
		`unet.${toOut}`,
		".lora_A.weight",
		".lora_B.weight",
		`${toOut}.0`,
	],
	[
		"CompVis",
		"lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q",
		".lora_down.weight",
		".lora_up.weight",
		toQ,
	],
	[
		"CompVis, a convolution",
		"lora_unet_input_blocks_4_0_in_layers_2",
		".lora_down.weight",
		".lora_up.weight",
		conv,
	],
	[
		"CompVis with dots",
		"diffusion_model.input_blocks.4.0.in_layers.2",
		".lora_down.weight",
		".lora_up.weight",
		conv,
	],
])("a layer is found by the name of %s", async (_, name, down, up, layer) => {
	const { networks } = await openModel(tinySd);
	const [rows, columns, ...kernel] =
		networks.unet.weights.tensors.get(`${layer}.weight`)?.shape ?? [];
	const { changes, unused } = await openAdapter(
		adapterOf({
			[name + down]: [2, columns, ...kernel],
			[name + up]: [rows, 2, ...kernel.map(() => 1)],
		}),
		networks,
	);
	expect([...changes.unet.keys()]).toEqual([layer]);
	expect(changes.unet.get(layer)?.[0].scale).toBe(1);
	expect(unused).toEqual([]);
});

test("text encoders are named by te, with and without text_model", async () => {
	const { networks } = await openModel(tinySd);
	const layer = "text_model.encoder.layers.1.mlp.fc1";
	const [rows, columns] =
		networks.text_encoder.weights.tensors.get(`${layer}.weight`)?.shape ?? [];
	for (const name of [
		"lora_te_text_model_encoder_layers_1_mlp_fc1",
		"lora_te1_text_model_encoder_layers_1_mlp_fc1",
		`text_encoder.${layer}`,
		"text_encoder.encoder.layers.1.mlp.fc1",
	]) {
		const { changes } = await openAdapter(
			adapterOf({
				[`${name}.lora_A.weight`]: [1, columns],
				[`${name}.lora_B.weight`]: [rows, 1],
			}),
			networks,
		);
		expect([...changes.text_encoder.keys()]).toEqual([layer]);
	}
});

test("what is no adapter's name is none", () => {
	expect(adapterName("down_blocks.0.resnets.0.conv1.weight")).toBeUndefined();
	expect(adapterName("lora_unet_x.oft_blocks")).toBeUndefined();
});

test("an adapter for another model, or of what is not known, is refused by what it is", async () => {
	const { networks } = await openModel(tinySd);
	const attention = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k";
	const sdxl = adapterOf({
		"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": [4, 1280],
		"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": [5120, 4],
	});
	await expect(openAdapter(sdxl, networks)).rejects.toThrow(
		"some.safetensors changes no layer of this model: it is for SDXL",
	);
	const second = adapterOf({
		[`unet.${attention}.lora_A.weight`]: [4, 1024],
		[`unet.${attention}.lora_B.weight`]: [32, 4],
	});
	await expect(openAdapter(second, networks)).rejects.toThrow(
		"some.safetensors is for Stable Diffusion 2.x (text states 1024 wide), but the model is a model with text states 32 wide",
	);
	const flux = adapterOf({
		"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": [4, 4],
	});
	await expect(openAdapter(flux, networks)).rejects.toThrow(
		"diffusion transformer",
	);
	for (const [name, kind] of [
		["lora_unet_mid.oft_blocks", "an OFT or BOFT adapter"],
		["base_model.model.mid.attn1.to_q.oft_r", "an OFT or BOFT adapter"],
		["lora_unet_mid.on_input", "an IA3 adapter"],
		["base_model.model.mid.attn1.to_k.ia3_l", "an IA3 adapter"],
		["lora_unet_mid.a1.weight", "a GLoRA adapter"],
	])
		await expect(
			openAdapter(adapterOf({ [name]: [2, 2] }), networks),
		).rejects.toThrow(`some.safetensors is ${kind}`);
	const other = adapterOf({ "something.else": [2, 2] });
	await expect(openAdapter(other, networks)).rejects.toThrow(
		"it holds no LoRA, LoHa, LoKr or differences (but something.else)",
	);
	const half = adapterOf({ [`unet.${attention}.lora_A.weight`]: [4, 32] });
	await expect(openAdapter(half, networks)).rejects.toThrow(
		"only one of two factors",
	);
	const file = await openNodeAdapterFile(
		join(models, "tiny-adapters", "kohya.safetensors"),
	);
	await expect(
		openAdapter(file, (await openModel(tinySd2)).networks, openNodeWeightFile),
	).rejects.toThrow("does not fit this model");
});

test("what the model has no layer for is counted, a scale without factors too", async () => {
	const { networks } = await openModel(tinySd);
	const weights =
		networks.unet.weights.tensors.get(`${toQ}.weight`)?.shape ?? [];
	const { unused } = await openAdapter(
		adapterOf({
			[`unet.${toQ}.lora_A.weight`]: [1, weights[1]],
			[`unet.${toQ}.lora_B.weight`]: [weights[0], 1],
			[`unet.${toQ.replace("to_q", "to_v")}.lora_magnitude_vector`]: [4],
			"unet.down_blocks.9.attentions.0.lora_A.weight": [1, 4],
		}),
		networks,
	);
	expect(unused).toEqual([
		"unet.down_blocks.9.attentions.0.lora_A.weight",
		`unet.${toQ.replace("to_q", "to_v")}.lora_magnitude_vector`,
	]);
});

// PEFT's `lora_bias=True`: base.bias + lora_B.bias * scaling (peft/tuners/lora/layer.py)
test.each([
	["before", ["lora_B.bias", "lora_B.weight"]],
	["behind", ["lora_B.weight", "lora_B.bias"]],
])("a bias of a LoRA %s its weight changes the layer's bias", (_, order) => {
	expect(adapterName("unet.conv_in.lora_B.default.bias")?.part).toBe("up_bias");
	const shapes: Record<string, readonly number[]> = {
		"lora_A.weight": [2, 4, 3, 3],
		"lora_B.weight": [8, 2, 1, 1],
		"lora_B.bias": [8],
	};
	const names = ["lora_A.weight", ...order];
	const made = layerChanges({
		parts: new Map(
			names.map((name) => [adapterName(`unet.conv_in.${name}`)!.part, name]),
		),
		tensors: new Map(
			names.map((name) => [
				name,
				{
					name,
					dtype: "F32",
					shape: shapes[name],
					file: "a",
					offset: 0,
					length: 4,
				},
			]),
		),
		weight: [8, 4, 3, 3],
		bias: [8],
		scale: (rank) => 4 / (rank ?? 1),
	});
	expect(made).toMatchObject([
		{ of: "weight", scale: 2 },
		{ of: "bias", scale: 2, matrices: [{ whole: { name: "lora_B.bias" } }] },
	]);
});

test("files of adapters are told apart whatever they are called", () => {
	const use = (key: string): AdapterUse => {
		const file = adapterOf({ up: [8, 1], down: [1, 4] });
		const { tensors } = file.weights;
		return {
			adapter: {
				unused: [],
				file: {
					...file,
					weights: {
						label: key,
						files: new Map([[key, { bytes: new Uint8Array(4) }]]),
						tensors: new Map(
							[...tensors].map(([name, entry]) => [
								name,
								{ ...entry, file: key },
							]),
						),
					},
				},
				changes: {
					unet: new Map([["conv", []]]),
					text_encoder: new Map(),
					text_encoder_2: new Map(),
				},
			},
			strength: { unet: 1, text_encoder: 1, text_encoder_2: 1 },
		};
	};
	const base = { label: "unet", files: new Map(), tensors: new Map() };
	const uses = [use("1.style"), use("style"), use("style")];
	const { files, tensors } = withAdapters("unet", base, uses);
	const bytesOf = (n: number) => files.get(tensors.get(`${n}/up`)?.file ?? "");
	for (const [n, { adapter }] of uses.entries())
		expect(bytesOf(n)).toBe([...adapter.file.weights.files.values()][0]);
});
