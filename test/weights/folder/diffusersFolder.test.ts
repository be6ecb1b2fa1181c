import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { UserError } from "../../../src/errors/userError.js";
import { openDiffusersFolder } from "../../../src/weights/folder/diffusersFolder.js";
import { weightVariants } from "../../../src/weights/folder/weightFileNames.js";
import { modelFolderOf } from "../../../src/weights/formats/modelFolder.js";
import {
	nodeModelFolder,
	openNodeWeightFile,
} from "../../../src/weights/formats/nodeModelFolder.js";
import { readTensor } from "../../../src/weights/formats/readTensor.js";
import { openModel } from "../../../src/weights/nodeOpenModel.js";
import { relativeError } from "../../goldenFile.js";
import { safetensorsBytes, zeros } from "../formats/safetensorsBytes.js";

const models = join(import.meta.dirname, "../..", "models");
const tinySd = join(models, "tiny-sd");
const tinySd2 = join(models, "tiny-sd2");

const modelIndex = {
	_class_name: "StableDiffusionPipeline",
	unet: ["diffusers", "UNet2DConditionModel"],
	vae: ["diffusers", "AutoencoderKL"],
	text_encoder: ["transformers", "CLIPTextModel"],
	tokenizer: ["transformers", "CLIPTokenizer"],
	scheduler: ["diffusers", "PNDMScheduler"],
};

/** A folder in memory with the least that a model needs; undefined takes a file away. */
function folderWith(
	changes: Record<string, Uint8Array | string | undefined> = {},
) {
	const files: Record<string, Uint8Array | string | undefined> = {
		"model_index.json": JSON.stringify(modelIndex),
		"scheduler/scheduler_config.json": "{}",
		"tokenizer/vocab.json": "{}",
		"tokenizer/merges.txt": "",
		"unet/config.json": "{}",
		"unet/diffusion_pytorch_model.safetensors": zeros({
			"conv_in.weight": [2, 2],
		}),
		"vae/config.json": "{}",
		"vae/diffusion_pytorch_model.safetensors": zeros({
			"encoder.mid_block.attentions.0.query.weight": [3, 3, 1, 1],
			"decoder.mid_block.attentions.0.to_out.0.weight": [3, 3],
		}),
		"text_encoder/config.json": "{}",
		"text_encoder/model.safetensors": zeros({ "final_layer_norm.weight": [2] }),
		...changes,
	};
	const encoder = new TextEncoder();
	return modelFolderOf(
		"DIR",
		new Map(
			Object.entries(files).flatMap(([path, content]) =>
				content === undefined
					? []
					: [
							[
								path,
								typeof content === "string" ? encoder.encode(content) : content,
							] as const,
						],
			),
		),
	);
}

const unet = "unet/diffusion_pytorch_model";
const shard = (name: string) => `unet/${name}`;

describe("real folders", () => {
	test("tiny-sd: configs, networks, tokenizer; current names", async () => {
		const model = await openModel(tinySd);
		expect(model.networks.unet.config).toMatchObject({
			block_out_channels: [8, 16, 16, 32],
		});
		expect(model.scheduler.config).toMatchObject({
			beta_schedule: "scaled_linear",
		});
		expect(
			"vocab" in model.tokenizers.tokenizer &&
				model.tokenizers.tokenizer.merges,
		).toMatch(/#version/);
		expect(
			model.networks.unet.weights.tensors.get("conv_in.weight"),
		).toMatchObject({
			dtype: "F32",
			shape: [8, 4, 3, 3],
			file: "diffusion_pytorch_model.safetensors",
		});
		const vae = model.networks.vae.weights.tensors;
		expect(
			vae.get("decoder.mid_block.attentions.0.to_q.weight")?.shape,
		).toEqual([16, 16]);
		expect(
			[...vae.keys()].filter((name) => /query|proj_attn/.test(name)),
		).toEqual([]);
		for (const { weights } of [
			model.networks.unet,
			model.networks.vae,
			model.networks.text_encoder,
		])
			for (const [name, entry] of weights.tensors) {
				expect(entry.name).toBe(name);
				const file = weights.files.get(entry.file);
				expect(
					file && "path" in file && entry.offset + entry.length <= file.size,
				).toBe(true);
			}
	});

	test("tiny-sd: the fp16 variant where it is asked for, plain files where a network has none", async () => {
		const plain = await openModel(tinySd);
		for (const options of [{ variant: "fp16" }, { dtype: "fp16" }] as const) {
			const model = await openModel(tinySd, options);
			expect(
				model.networks.unet.weights.tensors.get("conv_in.weight")?.dtype,
			).toBe("F16");
			expect(
				model.networks.vae.weights.tensors.get("post_quant_conv.weight")?.dtype,
			).toBe("F32");
			const name = "mid_block.resnets.0.conv1.weight";
			const [half, full] = await Promise.all([
				readTensor(model.networks.unet.weights, name, openNodeWeightFile),
				readTensor(plain.networks.unet.weights, name, openNodeWeightFile),
			]);
			expect(half).toEqual(full);
			expect(model.hash).not.toBe(plain.hash);
		}
		await expect(openModel(tinySd, { variant: "int8" })).rejects.toThrow(
			/has no "int8" weights; there are: plain ones, fp16/,
		);
	});

	test("tiny-sd2: shards, tokenizer.json, text encoder without text_model", async () => {
		const model = await openModel(tinySd2);
		expect([...model.networks.unet.weights.files.keys()].sort()).toEqual([
			"diffusion_pytorch_model-00001-of-00002.safetensors",
			"diffusion_pytorch_model-00002-of-00002.safetensors",
		]);
		expect("tokenizerJson" in model.tokenizers.tokenizer).toBe(true);
		const names = [...model.networks.text_encoder.weights.tensors.keys()];
		expect(names).toContain("text_model.embeddings.token_embedding.weight");
		expect(names.filter((name) => !name.startsWith("text_model."))).toEqual([]);
	});

	test("a folder in memory gives the same as on disk", async () => {
		const disk = await nodeModelFolder(tinySd);
		const bytes = new Map<string, Uint8Array>();
		for (const path of disk.paths) {
			const file = await disk.open(path);
			bytes.set(path, await file.read(0, file.size));
		}
		const memory = await openDiffusersFolder(modelFolderOf("memory", bytes));
		const model = await openModel(tinySd);
		expect(memory.tokenizers.tokenizer).toEqual(model.tokenizers.tokenizer);
		const name = "up_blocks.3.resnets.2.conv2.weight";
		const a = await readTensor(memory.networks.unet.weights, name);
		const b = await readTensor(
			model.networks.unet.weights,
			name,
			openNodeWeightFile,
		);
		expect(relativeError(a.data, b.data)).toBe(0);
	});

	test("the hash is the same on every call and tells models apart", async () => {
		const hashes = await Promise.all(
			[tinySd, tinySd, tinySd2].map(
				async (path) => (await openModel(path)).hash,
			),
		);
		expect(hashes[0]).toMatch(/^[0-9a-f]{10}$/);
		expect(hashes[1]).toBe(hashes[0]);
		expect(hashes[2]).not.toBe(hashes[0]);
	});
});

describe("names and variants", () => {
	test("single files and the three spellings of a variant's index", () => {
		const variants = (...names: string[]) =>
			Object.fromEntries(
				[
					...weightVariants(
						new Set(names.map((name) => `unet/diffusion_pytorch_model${name}`)),
						"unet",
					),
				].map(([variant, { path }]) => [
					variant,
					path.slice("unet/diffusion_pytorch_model".length),
				]),
			);
		expect(
			variants(
				".safetensors",
				".fp16.safetensors",
				".bin",
				".non_ema.safetensors",
			),
		).toEqual({
			"": ".safetensors",
			fp16: ".fp16.safetensors",
			non_ema: ".non_ema.safetensors",
		});
		expect(
			variants(
				".safetensors.index.fp16.json",
				".fp16-00001-of-00002.safetensors",
				".fp16-00002-of-00002.safetensors",
				"-00001-of-00002.safetensors",
			),
		).toEqual({ fp16: ".safetensors.index.fp16.json" });
		expect(variants(".fp16.safetensors.index.json")).toEqual({
			fp16: ".fp16.safetensors.index.json",
		});
	});

	test.each(["unet", "vae", "text_encoder"] as const)(
		"of a single file beside an index, for %s, the one that its library takes",
		(network) => {
			const stem =
				network === "text_encoder" ? "model" : "diffusion_pytorch_model";
			const single = `${network}/${stem}.safetensors`;
			const index = `${network}/${stem}.safetensors.index.json`;
			for (const paths of [
				[single, index],
				[index, single],
			])
				expect(weightVariants(new Set(paths), network).get("")?.path).toBe(
					network === "text_encoder" ? single : index,
				);
		},
	);

	test("a variant is taken where it is the only one there", async () => {
		const model = await openDiffusersFolder(
			folderWith({
				[`${unet}.safetensors`]: undefined,
				[`${unet}.bf16.safetensors`]: zeros({ "conv_in.weight": [1] }, "F16"),
			}),
		);
		expect(
			model.networks.unet.weights.tensors.get("conv_in.weight")?.dtype,
		).toBe("F16");
	});

	test("VAE attention and text names are today's", async () => {
		const model = await openDiffusersFolder(folderWith());
		expect(
			model.networks.vae.weights.tensors.get(
				"encoder.mid_block.attentions.0.to_q.weight",
			)?.shape,
		).toEqual([3, 3]);
		expect([...model.networks.text_encoder.weights.tensors.keys()]).toEqual([
			"text_model.final_layer_norm.weight",
		]);
	});

	test("sharded variants", async () => {
		const model = await openDiffusersFolder(
			folderWith({
				[`${unet}.safetensors.index.fp16.json`]: JSON.stringify({
					weight_map: {
						a: "diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
						b: "diffusion_pytorch_model.fp16-00002-of-00002.safetensors",
					},
				}),
				[`${unet}.fp16-00001-of-00002.safetensors`]: zeros({ a: [1] }, "F16"),
				[`${unet}.fp16-00002-of-00002.safetensors`]: zeros(
					{ b: [2], unlisted: [3] },
					"F16",
				),
			}),
			{ variant: "fp16" },
		);
		expect([...model.networks.unet.weights.tensors.keys()]).toEqual(["a", "b"]);
	});
});

describe("what is wrong is said in one line that names the file", () => {
	const index = (map: unknown, more: Record<string, Uint8Array> = {}) => ({
		[`${unet}.safetensors`]: undefined,
		[`${unet}.safetensors.index.json`]: JSON.stringify(map),
		...more,
	});
	const cases: Record<
		string,
		[Record<string, Uint8Array | string | undefined>, RegExp]
	> = {
		"no model_index.json": [
			{ "model_index.json": undefined },
			/^DIR\/model_index\.json is missing: a diffusers folder has/,
		],
		"a checkpoint lies there instead": [
			{ "model_index.json": undefined, "v1-5.safetensors": "" },
			/name the file itself \(DIR\/v1-5\.safetensors\)/,
		],
		"model_index.json no JSON": [
			{ "model_index.json": "{" },
			/^DIR\/model_index\.json is no valid JSON/,
		],
		"model_index.json of a list": [
			{ "model_index.json": "[]" },
			/does not say which pipeline/,
		],
		"another pipeline": [
			{
				"model_index.json": JSON.stringify({
					_class_name: "FluxPipeline",
					transformer: ["diffusers", "X"],
				}),
			},
			/is of a FluxPipeline: only Stable Diffusion 1\.x and 2\.x/,
		],
		SDXL: [
			{
				"model_index.json": JSON.stringify({
					...modelIndex,
					text_encoder_2: ["transformers", "CLIPTextModelWithProjection"],
				}),
			},
			/second text encoder/,
		],
		"another VAE": [
			{
				"model_index.json": JSON.stringify({
					...modelIndex,
					vae: ["diffusers", "VQModel"],
				}),
			},
			/has VQModel as vae: only AutoencoderKL or AutoencoderTiny/,
		],
		"no config": [
			{ "vae/config.json": undefined },
			/^DIR\/vae\/config\.json is missing/,
		],
		"a config that is no JSON": [
			{ "unet/config.json": "{,}" },
			/^DIR\/unet\/config\.json is no valid JSON/,
		],
		"no weights": [
			{ [`${unet}.safetensors`]: undefined },
			/^DIR\/unet has no weights: diffusion_pytorch_model\.safetensors/,
		],
		"only pickles": [
			{
				"text_encoder/model.safetensors": undefined,
				"text_encoder/pytorch_model.bin": "",
			},
			/pytorch_model\.bin is a pickle, .* get text_encoder\/model\.safetensors/,
		],
		"two variants and no plain one": [
			{
				[`${unet}.safetensors`]: undefined,
				[`${unet}.a.safetensors`]: "",
				[`${unet}.b.safetensors`]: "",
			},
			/several variants of its weights \(a, b\): choose one/,
		],
		"malformed weights": [
			{ [`${unet}.safetensors`]: "?" },
			/^DIR\/unet\/diffusion_pytorch_model\.safetensors is not a valid/,
		],
		"a tensor under two names": [
			{
				"text_encoder/model.safetensors": zeros({
					"encoder.a": [1],
					"text_model.encoder.a": [1],
				}),
			},
			/under two names/,
		],
		"no tokenizer": [
			{ "tokenizer/merges.txt": undefined },
			/^DIR\/tokenizer\/ has no tokenizer: vocab\.json with merges\.txt/,
		],
		"an index without a map": [index({ weights: {} }), /is no index of shards/],
		"an index of numbers": [
			index({ weight_map: { a: 1 } }),
			/is no index of shards/,
		],
		"an empty index": [index({ weight_map: {} }), /names no shard/],
		"a shard that is missing": [
			index({ weight_map: { a: "b.safetensors" } }),
			/^DIR\/unet\/b\.safetensors is missing: DIR\/unet\/diff.*index\.json needs it/,
		],
		"a shard outside": [
			index({
				weight_map: { a: "../vae/diffusion_pytorch_model.safetensors" },
			}),
			/which is no \.safetensors file of the same folder/,
		],
		"an absolute shard": [
			index({ weight_map: { a: "/etc/x.safetensors" } }),
			/no \.safetensors file of the same folder/,
		],
		"a shard with a backslash": [
			index({ weight_map: { a: "..\\x.safetensors" } }),
			/no \.safetensors file of the same folder/,
		],
		"a pickled shard": [
			index({ weight_map: { a: "x.bin" } }),
			/no \.safetensors file of the same folder/,
		],
		"a shard without its tensor": [
			index(
				{ weight_map: { a: "s.safetensors" } },
				{ [shard("s.safetensors")]: zeros({ b: [1] }) },
			),
			/^DIR\/unet\/s\.safetensors lacks the tensor "a"/,
		],
		"a malformed shard": [
			index(
				{ weight_map: { a: "s.safetensors" } },
				{ [shard("s.safetensors")]: safetensorsBytes("[]") },
			),
			/^DIR\/unet\/s\.safetensors is not a valid/,
		],
	};
	test.each(Object.entries(cases))("%s", async (_, [changes, reason]) => {
		const opening = openDiffusersFolder(folderWith(changes));
		await expect(opening).rejects.toBeInstanceOf(UserError);
		await expect(opening).rejects.toThrow(reason);
		await expect(opening).rejects.toThrow(/^[^\n]+$/);
	});
});

test("a scheduler's config with the -Infinity that diffusers writes is read", async () => {
	const text =
		'{"_class_name": "DPMSolverMultistepScheduler", "steps_offset": 1, "lambda_min_clipped": -Infinity}';
	const model = await openDiffusersFolder(
		folderWith({ "scheduler/scheduler_config.json": text }),
	);
	expect(model.scheduler.config).toMatchObject({ lambda_min_clipped: -1e308 });
});
