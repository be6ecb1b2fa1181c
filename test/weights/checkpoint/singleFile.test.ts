import { createHash } from "node:crypto";
import {
	mkdtempSync,
	readFileSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { UserError } from "../../../src/errors/userError.js";
import { loadTokenizer } from "../../../src/tokenizer/loadTokenizer.js";
import { openSingleFile } from "../../../src/weights/checkpoint/singleFile.js";
import type { ModelFiles } from "../../../src/weights/folder/modelFiles.js";
import { modelFolderOf } from "../../../src/weights/formats/modelFolder.js";
import { openNodeWeightFile } from "../../../src/weights/formats/nodeModelFolder.js";
import { readTensor } from "../../../src/weights/formats/readTensor.js";
import { memoryFile } from "../../../src/weights/formats/weightFile.js";
import type { Weights } from "../../../src/weights/formats/weights.js";
import { openModel } from "../../../src/weights/nodeOpenModel.js";
import {
	clipMerges,
	clipTokens,
	clipVocab,
} from "../../tokenizer/clipGolden.js";
import { safetensorsBytes } from "../formats/safetensorsBytes.js";

const models = join(import.meta.dirname, "../..", "models");
const temporary = mkdtempSync(join(tmpdir(), "fdiff-single-"));
afterAll(() => rmSync(temporary, { recursive: true }));

/** Shapes and values (as a hash) of every tensor but the buffer that no network reads, by name. */
async function tensorsOf(weights: Weights) {
	const tensors = new Map<string, unknown>();
	for (const name of [...weights.tensors.keys()].sort()) {
		if (name.endsWith(".position_ids")) continue;
		const { dims, data } = await readTensor(weights, name, openNodeWeightFile);
		const hash = createHash("sha256").update(new Uint8Array(data.buffer));
		tensors.set(name, { dims, hash: hash.digest("hex") });
	}
	return tensors;
}

/** Files written by test/reference/make_single_file.py, which checks them with diffusers' from_single_file. */
describe.each(["tiny-sd", "tiny-sd2"])("%s as a single file", (name) => {
	const folder = join(models, name);
	const file = join(models, `${name}.single.safetensors`);

	test("has exactly the tensors of its folder, over the bytes of the file", async () => {
		const expected = await openModel(folder);
		const model = await openModel(file, { config: folder });
		for (const network of ["unet", "text_encoder", "vae"] as const) {
			expect(await tensorsOf(model.networks[network].weights)).toEqual(
				await tensorsOf(expected.networks[network].weights),
			);
			expect([...model.networks[network].weights.files.values()]).toEqual([
				{ path: file, size: readFileSync(file).length },
			]);
			expect(model.networks[network].config).toEqual(
				expected.networks[network].config,
			);
		}
		expect(model.tokenizers.tokenizer).toEqual(expected.tokenizers.tokenizer);
		expect(model.scheduler).toEqual(expected.scheduler);
	});

	test("without configs it says which ones cannot be inferred", async () => {
		await expect(openModel(file)).rejects.toThrow(
			/^config: .*channels mean \(groups, heads\) cannot be told/,
		);
	});
});

test("the hash of the same fp16 weights is the same from a folder and from a single file", async () => {
	const folder = join(models, "tiny-sd");
	const variant = await openModel(folder, { variant: "fp16" });
	const single = await openModel(join(models, "tiny-sd.single.safetensors"), {
		config: folder,
	});
	expect(single.hash).toBe(variant.hash);
});

/** A checkpoint's header of these shapes (fp16) without its data: enough to name and to infer from. */
async function inferred(
	shapes: Readonly<Record<string, readonly number[]>>,
	metadata?: Record<string, string>,
	dtype: "F16" | "F8_E4M3" = "F16",
): Promise<Omit<ModelFiles, "hash">> {
	const header: Record<string, unknown> = metadata
		? { __metadata__: metadata }
		: {};
	let end = 0;
	for (const [name, shape] of Object.entries(shapes)) {
		const begin = end;
		end += shape.reduce((a, b) => a * b, dtype === "F16" ? 2 : 1);
		header[name] = { dtype, shape, data_offsets: [begin, end] };
	}
	const head = safetensorsBytes(JSON.stringify(header));
	const clip = new Map(
		["vocab.json", "merges.txt"].map(
			(name) => [name, new TextEncoder().encode("{}")] as const,
		),
	);
	return openSingleFile(
		{
			...memoryFile("model.safetensors", "model.safetensors", head),
			size: head.length + end,
		},
		{ clipTokenizers: [modelFolderOf("clip", clip)] },
	);
}

/** Names and shapes of a published checkpoint, as far as they decide anything. */
function checkpointShapes(kind: "1.x" | "2.x"): Record<string, number[]> {
	const shapes: Record<string, number[]> = {};
	const put = (name: string, ...shape: number[]) => {
		shapes[name] = shape;
	};
	const context = kind === "1.x" ? 768 : 1024;
	const unet = "model.diffusion_model.";
	const attention = (path: string, width: number) => {
		const kernel = kind === "1.x" ? [1, 1] : [];
		put(`${path}.proj_in.weight`, width, width, ...kernel);
		put(`${path}.transformer_blocks.0.attn2.to_k.weight`, width, context);
		put(`${path}.proj_out.weight`, width, width, ...kernel);
	};
	const channels = [320, 640, 1280, 1280];
	put(`${unet}input_blocks.0.0.weight`, 320, 4, 3, 3);
	put(`${unet}time_embed.0.weight`, 1280, 320);
	channels.forEach((width, level) => {
		for (let layer = 0; layer < 2; layer++) {
			const block = `${unet}input_blocks.${1 + level * 3 + layer}`;
			put(
				`${block}.0.in_layers.2.weight`,
				width,
				level && !layer ? channels[level - 1] : width,
				3,
				3,
			);
			if (level < 3) attention(`${block}.1`, width);
		}
		if (level < 3)
			put(
				`${unet}input_blocks.${(level + 1) * 3}.0.op.weight`,
				width,
				width,
				3,
				3,
			);
		const up = channels[3 - level];
		for (let layer = 0; layer < 3; layer++) {
			const block = `${unet}output_blocks.${level * 3 + layer}`;
			put(`${block}.0.in_layers.2.weight`, up, 2 * up, 3, 3);
			if (level > 0) attention(`${block}.1`, up);
		}
		if (level < 3)
			put(
				`${unet}output_blocks.${level * 3 + 2}.${level ? 2 : 1}.conv.weight`,
				up,
				up,
				3,
				3,
			);
	});
	for (const unit of [0, 2])
		put(`${unet}middle_block.${unit}.in_layers.2.weight`, 1280, 1280, 3, 3);
	attention(`${unet}middle_block.1`, 1280);
	put(`${unet}out.2.weight`, 4, 320, 3, 3);
	put("model_ema.diffusion_modelout2weight", 4);
	put("model_ema.decay");

	const vae = "first_stage_model.";
	put(`${vae}decoder.conv_in.weight`, 512, 4, 3, 3);
	put(`${vae}decoder.conv_out.weight`, 3, 128, 3, 3);
	[128, 256, 512, 512].forEach((width, level) => {
		for (let layer = 0; layer < 3; layer++)
			put(
				`${vae}decoder.up.${level}.block.${layer}.conv1.weight`,
				width,
				width,
				3,
				3,
			);
		for (let layer = 0; layer < 2; layer++)
			put(
				`${vae}encoder.down.${level}.block.${layer}.conv1.weight`,
				width,
				width,
				3,
				3,
			);
		if (level < 3)
			put(
				`${vae}encoder.down.${level}.downsample.conv.weight`,
				width,
				width,
				3,
				3,
			);
		if (level > 0)
			put(`${vae}decoder.up.${level}.upsample.conv.weight`, width, width, 3, 3);
	});
	put(`${vae}encoder.mid.attn_1.q.weight`, 512, 512, 1, 1);
	put(`${vae}encoder.mid.attn_1.norm.weight`, 512);
	put(`${vae}post_quant_conv.weight`, 4, 4, 1, 1);
	put(`${vae}quant_conv.weight`, 8, 8, 1, 1);
	put(`${vae}loss.logvar`);

	if (kind === "1.x") {
		const text = "cond_stage_model.transformer.text_model.";
		put(`${text}embeddings.token_embedding.weight`, 49408, 768);
		put(`${text}embeddings.position_embedding.weight`, 77, 768);
		for (let layer = 0; layer < 12; layer++) {
			put(`${text}encoder.layers.${layer}.layer_norm1.weight`, 768);
			put(`${text}encoder.layers.${layer}.mlp.fc1.weight`, 3072, 768);
		}
	} else {
		const text = "cond_stage_model.model.";
		put(`${text}token_embedding.weight`, 49408, 1024);
		put(`${text}positional_embedding`, 77, 1024);
		put(`${text}text_projection`, 1024, 1024);
		for (let layer = 0; layer < 24; layer++) {
			put(`${text}transformer.resblocks.${layer}.ln_1.weight`, 1024);
			put(`${text}transformer.resblocks.${layer}.mlp.c_fc.weight`, 4096, 1024);
			put(
				`${text}transformer.resblocks.${layer}.attn.in_proj_weight`,
				3072,
				1024,
			);
		}
	}
	return shapes;
}

const cross = "CrossAttnDownBlock2D";
const crossUp = "CrossAttnUpBlock2D";

describe("configs of published shapes are those of the published folders", () => {
	test("Stable Diffusion 1.x", async () => {
		const model = await inferred(checkpointShapes("1.x"));
		expect(model.networks.unet.config).toMatchObject({
			attention_head_dim: 8,
			block_out_channels: [320, 640, 1280, 1280],
			cross_attention_dim: 768,
			down_block_types: [cross, cross, cross, "DownBlock2D"],
			up_block_types: ["UpBlock2D", crossUp, crossUp, crossUp],
			in_channels: 4,
			out_channels: 4,
			layers_per_block: 2,
			norm_num_groups: 32,
			sample_size: 64,
			use_linear_projection: false,
		});
		expect(model.networks.vae.config).toMatchObject({
			block_out_channels: [128, 256, 512, 512],
			layers_per_block: 2,
			latent_channels: 4,
			scaling_factor: 0.18215,
			use_quant_conv: true,
		});
		expect(model.networks.text_encoder.config).toMatchObject({
			hidden_act: "quick_gelu",
			hidden_size: 768,
			intermediate_size: 3072,
			num_attention_heads: 12,
			num_hidden_layers: 12,
			max_position_embeddings: 77,
			vocab_size: 49408,
		});
		expect(model.scheduler.config).toMatchObject({
			_class_name: "PNDMScheduler",
			beta_start: 0.00085,
			steps_offset: 1,
		});
		const names = [...model.networks.unet.weights.tensors.keys()];
		expect(names).toContain("down_blocks.2.downsamplers.0.conv.weight");
		expect(names).toContain("up_blocks.0.upsamplers.0.conv.weight");
		expect(names).toContain("up_blocks.2.upsamplers.0.conv.weight");
		expect(names.filter((name) => /ema|input_blocks/.test(name))).toEqual([]);
		expect(
			model.networks.vae.weights.tensors.get(
				"encoder.mid_block.attentions.0.to_q.weight",
			)?.shape,
		).toEqual([512, 512]);
		expect(
			model.networks.vae.weights.tensors.get(
				"decoder.up_blocks.0.resnets.0.conv1.weight",
			)?.shape[0],
		).toBe(512);
		expect(model.networks.vae.weights.tensors.has("loss.logvar")).toBe(false);
	});

	test("Stable Diffusion 2.x: head width 64, 23 layers, v unless the file says otherwise", async () => {
		const shapes = checkpointShapes("2.x");
		const model = await inferred(shapes);
		expect(model.networks.unet.config).toMatchObject({
			attention_head_dim: [5, 10, 20, 20],
			cross_attention_dim: 1024,
			use_linear_projection: true,
			sample_size: 96,
		});
		expect(model.networks.text_encoder.config).toMatchObject({
			hidden_act: "gelu",
			num_attention_heads: 16,
			num_hidden_layers: 23,
		});
		const text = model.networks.text_encoder.weights.tensors;
		const q = text.get("text_model.encoder.layers.7.self_attn.q_proj.weight");
		const v = text.get("text_model.encoder.layers.7.self_attn.v_proj.weight");
		expect(v?.shape).toEqual([1024, 1024]);
		expect(v && q && v.offset - q.offset).toBe(2 * 1024 * 1024 * 2);
		expect(
			[...text.keys()].filter((name) =>
				/layers\.23|text_projection/.test(name),
			),
		).toEqual([]);
		expect(model.scheduler.config).toMatchObject({
			prediction_type: "v_prediction",
		});
		expect(
			"specialTokens" in model.tokenizers.tokenizer &&
				model.tokenizers.tokenizer.specialTokens,
		).toMatch(/"pad_token":"!"/);

		const stated = await inferred(shapes, {
			"modelspec.prediction_type": "epsilon",
		});
		expect(stated.scheduler.config).toMatchObject({
			prediction_type: "epsilon",
		});
		expect(stated.networks.unet.config).toMatchObject({ sample_size: 64 });
	});
});

describe("a checkpoint without a tokenizer", () => {
	/** On disk, its data a hole in the file. */
	function checkpoint(name: string, shapes: Record<string, number[]>): string {
		const header: Record<string, unknown> = {};
		let end = 0;
		for (const [tensor, shape] of Object.entries(shapes)) {
			const begin = end;
			end += shape.reduce((a, b) => a * b, 2);
			header[tensor] = { dtype: "F16", shape, data_offsets: [begin, end] };
		}
		const head = safetensorsBytes(JSON.stringify(header));
		const path = join(temporary, name);
		writeFileSync(path, head);
		truncateSync(path, head.length + end);
		return path;
	}

	test.each(["1.x", "2.x"] as const)(
		"of Stable Diffusion %s has CLIP's, which comes with the package",
		async (kind) => {
			const {
				tokenizers: { tokenizer },
			} = await openModel(
				checkpoint(`${kind}.safetensors`, checkpointShapes(kind)),
			);
			expect(tokenizer).toMatchObject({ vocab: clipVocab, merges: clipMerges });
			const { encode } = loadTokenizer(tokenizer);
			const { padded } = clipTokens;
			const expected = kind === "1.x" ? padded.sd1 : padded.sd2;
			expect(Object.keys(expected).length).toBeGreaterThan(0);
			for (const [n, ids] of Object.entries(expected))
				expect(encode(clipTokens.texts[Number(n)])).toEqual(ids);
		},
	);

	test("and with a vocabulary of its own is refused", async () => {
		const shapes = checkpointShapes("1.x");
		shapes[
			"cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
		] = [640, 768];
		await expect(
			openModel(checkpoint("own.safetensors", shapes)),
		).rejects.toThrow(/^tokenizer: .*vocabulary of its own \(640 tokens/);
	});
});

describe("what a file says of its schedule", () => {
	const config = async (
		kind: "1.x" | "2.x",
		more: Record<string, number[]>,
		metadata?: Record<string, string>,
	) =>
		(await inferred({ ...checkpointShapes(kind), ...more }, metadata)).scheduler
			.config;
	const v = { prediction_type: "v_prediction" };
	const zeroSnr = {
		rescale_betas_zero_snr: true,
		timestep_spacing: "trailing",
	};
	test("tensors called v_pred and ztsnr", async () => {
		expect(await config("1.x", { v_pred: [0] })).toMatchObject(v);
		expect(await config("1.x", { v_pred: [0], ztsnr: [0] })).toMatchObject({
			...v,
			...zeroSnr,
		});
		expect(
			await config(
				"1.x",
				{ v_pred: [0] },
				{ "modelspec.prediction_type": "epsilon" },
			),
		).toMatchObject(v);
	});
	test("an inpainting checkpoint of 2.x was trained from 2-base: it predicts the noise, at 512 pixels", async () => {
		const shapes = {
			...checkpointShapes("2.x"),
			"model.diffusion_model.input_blocks.0.0.weight": [320, 9, 3, 3],
		};
		const model = await inferred(shapes);
		expect(model.kind).toBe("inpainting");
		expect(model.scheduler.config).toMatchObject({
			prediction_type: "epsilon",
		});
		expect(model.networks.unet.config).toMatchObject({ sample_size: 64 });
		const stated = await inferred(shapes, {
			"modelspec.prediction_type": "v",
		});
		expect(stated.scheduler.config).toMatchObject(v);
	});
	test("metadata of kohya's trainer", async () => {
		expect(
			await config(
				"1.x",
				{},
				{
					ss_v_parameterization: "True",
					ss_zero_terminal_snr: "True",
				},
			),
		).toMatchObject({ ...v, ...zeroSnr });
		expect(
			await config("2.x", {}, { ss_v_parameterization: "False" }),
		).toMatchObject({ prediction_type: "epsilon" });
		const plain = await config(
			"1.x",
			{},
			{
				ss_v_parameterization: "None",
				ss_zero_terminal_snr: "False",
			},
		);
		expect(plain).not.toHaveProperty("prediction_type");
		expect(plain).not.toHaveProperty("rescale_betas_zero_snr");
	});
});

describe("names and types", () => {
	const unet = "model.diffusion_model.";
	test("a prefix that was put before itself, and wrappers, are taken off", async () => {
		const shapes = checkpointShapes("1.x");
		const plain = await inferred(shapes);
		const doubled = await inferred(
			Object.fromEntries(
				Object.entries(shapes).map(([name, shape]) => [
					name.startsWith(unet) ? unet + name : `module._orig_mod.${name}`,
					shape,
				]),
			),
		);
		for (const network of ["unet", "vae", "text_encoder"] as const)
			expect([...doubled.networks[network].weights.tensors.keys()]).toEqual([
				...plain.networks[network].weights.tensors.keys(),
			]);
	});
	test("fp8 is said on opening", async () => {
		await expect(
			inferred(checkpointShapes("1.x"), undefined, "F8_E4M3"),
		).rejects.toThrow(
			/^model\.safetensors \(unet\) is quantised: .*\.weight is stored as F8_E4M3; only F32, F16, BF16, F64/,
		);
	});
	test("an inpainting checkpoint is opened as one", async () => {
		const model = await inferred({
			...checkpointShapes("1.x"),
			[`${unet}input_blocks.0.0.weight`]: [320, 9, 3, 3],
		});
		expect(model.kind).toBe("inpainting");
		expect(model.networks.unet.config).toMatchObject({ in_channels: 9 });
	});
});

describe("other files are refused with a line that says what they are", () => {
	const written = (name: string, bytes: Uint8Array | string) => {
		const path = join(temporary, name);
		writeFileSync(path, bytes);
		return path;
	};
	const header = (...names: string[]) =>
		safetensorsBytes(
			JSON.stringify(
				Object.fromEntries(
					names.map((name) => [
						name,
						{ dtype: "U8", shape: [0], data_offsets: [0, 0] },
					]),
				),
			),
		);
	test.each([
		[
			"a.ckpt",
			"pickle",
			/is a pickle \(\.ckpt, \.pt, \.bin\), which can run code/,
		],
		["a.txt", "text", /a checkpoint's name ends with \.safetensors/],
		[
			"broken.safetensors",
			"text",
			/broken\.safetensors is not a valid safetensors file: it has only 4 bytes/,
		],
		[
			"sdxl.safetensors",
			header("conditioner.embedders.0.x", "model.diffusion_model.y"),
			/SDXL/,
		],
		[
			"flux.safetensors",
			header("double_blocks.0.img_attn.qkv.weight"),
			/diffusion transformer/,
		],
		["lora.safetensors", header("lora_unet_down_blocks_0.alpha"), /is a LoRA/],
		[
			"unet.safetensors",
			header("down_blocks.0.resnets.0.conv1.weight"),
			/a UNet alone, in diffusers' naming/,
		],
		[
			"other.safetensors",
			header("layer.weight"),
			/has no UNet \(names that begin with model\.diffusion_model\./,
		],
		[
			"lycoris.safetensors",
			header(
				"lycoris_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lokr_w1",
			),
			/is a LyCORIS adapter/,
		],
		[
			"loha.safetensors",
			header("lora_unet_mid_block_attentions_0_proj_in.hada_w1_a"),
			/is a LyCORIS adapter/,
		],
		[
			"old-lora.safetensors",
			header(
				"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.down.weight",
			),
			/is a LoRA, not a whole model/,
		],
		[
			"peft.safetensors",
			header("base_model.model.mid_block.attentions.0.to_q.lora_A.weight"),
			/is a LoRA/,
		],
		[
			"embedding.safetensors",
			header("emb_params"),
			/is a textual inversion embedding/,
		],
		[
			"learned.safetensors",
			header("<cat-toy>"),
			/is a textual inversion embedding/,
		],
		[
			"control.safetensors",
			header("control_model.input_hint_block.0.weight"),
			/is a ControlNet/,
		],
		[
			"control-diffusers.safetensors",
			header(
				"controlnet_cond_embedding.conv_in.weight",
				"down_blocks.0.resnets.0.conv1.weight",
			),
			/is a ControlNet/,
		],
		[
			"taesd.safetensors",
			header("1.weight", "3.conv.0.weight", "19.weight"),
			/is TAESD/,
		],
		[
			"taesd-diffusers.safetensors",
			header("decoder.layers.0.weight", "encoder.layers.1.conv.0.weight"),
			/is TAESD/,
		],
		[
			"vae.safetensors",
			header("decoder.up.0.block.0.conv1.weight", "encoder.conv_in.weight"),
			/is a VAE alone/,
		],
		[
			"vae-diffusers.safetensors",
			header("decoder.up_blocks.0.resnets.0.conv1.weight"),
			/is a VAE alone/,
		],
		[
			"vae-prefixed.safetensors",
			header("first_stage_model.decoder.conv_in.weight"),
			/is a VAE alone/,
		],
		[
			"unet-prefixed.safetensors",
			header("model.diffusion_model.out.0.weight"),
			/is a UNet alone/,
		],
		[
			"clip.safetensors",
			header("text_model.final_layer_norm.weight"),
			/is a text encoder alone/,
		],
		[
			"whole-clip.safetensors",
			header("text_model.final_layer_norm.weight", "vision_model.x"),
			/is a CLIP model/,
		],
		[
			"motion.safetensors",
			header("down_blocks.0.motion_modules.0.norm.weight"),
			/is a motion module/,
		],
		[
			"ip.safetensors",
			header("image_proj.proj.weight", "ip_adapter.1.to_k_ip.weight"),
			/is an IP-Adapter/,
		],
		[
			"unclip.safetensors",
			header(
				"model.diffusion_model.label_emb.0.0.weight",
				"model.diffusion_model.x",
				"cond_stage_model.model.y",
				"first_stage_model.z",
				"noise_augmentor.data_mean",
			),
			/is an unCLIP checkpoint/,
		],
		[
			"upscaler.safetensors",
			header(
				"model.diffusion_model.label_emb.weight",
				"cond_stage_model.model.y",
				"first_stage_model.z",
				"low_scale_model.x",
			),
			/is an upscaler/,
		],
		[
			"pointer.safetensors",
			"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4265380512\n",
			/is no safetensors file: it is a Git-LFS pointer/,
		],
		[
			"page.safetensors",
			"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>",
			/it is a web page/,
		],
		[
			"renamed.safetensors",
			new Uint8Array([0x50, 0x4b, 3, 4, 0, 0, 8, 8, 0, 0]),
			/it is a zip archive/,
		],
		[
			"pickle.safetensors",
			new Uint8Array([0x80, 2, 0x7d, 0x71, 0, 0x28, 0x58, 1, 0, 0]),
			/it is a Python pickle/,
		],
		["gguf.safetensors", "GGUF\u0003\0\0\0\u0001\0\0\0", /it is a GGUF file/],
		["model.gguf", "GGUF\u0003\0\0\0\u0001\0\0\0", /is no model: it is a GGUF/],
		["zeros.safetensors", new Uint8Array(1000), /zeros only/],
		["empty.safetensors", "", /it is empty/],
		[
			"novae.safetensors",
			header("model.diffusion_model.x", "cond_stage_model.transformer.y"),
			/has no VAE/,
		],
	])("%s", async (name, bytes, reason) => {
		const opening = openModel(written(name, bytes));
		await expect(opening).rejects.toThrow(reason);
		await expect(opening).rejects.toBeInstanceOf(UserError);
	});

	test("a vocabulary that is not CLIP's", async () => {
		const shapes = checkpointShapes("1.x");
		shapes[
			"cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
		] = [640, 768];
		await expect(inferred(shapes)).rejects.toThrow(
			/^tokenizer: .*640 tokens, not CLIP's 49408/,
		);
	});
});

describe("what a model's name means", () => {
	test.each([
		["./nowhere", /^\.\/nowhere: there is no such model folder or file$/],
		["/nowhere/model.safetensors", /there is no such/],
		["owner/name.ckpt", /there is no such/],
		["a/b/c", /is no model: give a diffusers folder/],
		["", /is no model/],
	])("%s", async (where, reason) => {
		await expect(openModel(where)).rejects.toThrow(reason);
	});
});
