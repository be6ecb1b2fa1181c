import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
	type LoadOptions,
	loadPipeline,
} from "../../src/pipeline/nodeLoadPipeline.js";
import type { GenerateOptions } from "../../src/pipeline/options.js";
import {
	emptyControlNet,
	emptyModel,
	type Generation,
	writeEmptyWeights,
} from "./emptyModels.js";

const folder = mkdtempSync(join(tmpdir(), "fdiff-other-models-"));
afterAll(() => rmSync(folder, { recursive: true }));

const names = {
	1: "Stable Diffusion 1.x (text states 768 wide)",
	2: "Stable Diffusion 2.x (text states 1024 wide)",
};
const widths = { 1: 768, 2: 1024 };

const lora = (label: string, layers: Record<string, [number, number]>) =>
	writeEmptyWeights(
		join(folder, `${label}.safetensors`),
		new Map(
			Object.entries(layers).flatMap(([layer, [rows, columns]]) => [
				[`${layer}.lora_down.weight`, [4, columns]],
				[`${layer}.lora_up.weight`, [rows, 4]],
			]),
		),
	);

const block = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0";
const layer = "lora_te_text_model_encoder_layers_0_self_attn_q_proj";

describe.each<[Generation, Generation]>([
	[1, 2],
	[2, 1],
])("on a model of Stable Diffusion %i, what is for %i", (own, other) => {
	const model = emptyModel(join(folder, `sd${own}`), own);
	const width = widths[other];
	const expected = `is for ${names[other]}, but the model is ${names[own]}`;
	const drawn = async (
		options: Partial<GenerateOptions>,
		load: LoadOptions = {},
	) => {
		const pipeline = await loadPipeline(model, {
			threads: 1,
			engine: "onnxruntime",
			...load,
		});
		return pipeline.generate({ prompt: "a", steps: 1, ...options });
	};

	test("a LoRA of the UNet, of the text encoder, of both", async () => {
		const files = [
			lora(`unet${other}`, {
				[`${block}_attn1_to_k`]: [320, 320],
				[`${block}_attn2_to_k`]: [320, width],
			}),
			lora(`text${other}`, { [layer]: [width, width] }),
			lora(`both${other}`, {
				[layer]: [width, width],
				[`${block}_attn2_to_k`]: [320, width],
			}),
		];
		for (const path of files)
			await expect(drawn({ loras: [{ path }] })).rejects.toThrow(
				new RegExp(`^loras: ${escaped(`${path} ${expected}`)}$`),
			);
	});

	test("a control net", async () => {
		const net = emptyControlNet(join(folder, `net${other}`), other);
		await expect(drawn({}, { controlnet: net })).rejects.toThrow(
			new RegExp(`^controlnet: ${escaped(`${net} ${expected}`)}$`),
		);
	});

	test("a textual inversion", async () => {
		const path = writeEmptyWeights(
			join(folder, `word${other}.safetensors`),
			new Map([["emb_params", [2, width]]]),
		);
		await expect(drawn({ embeddings: [{ path }] })).rejects.toThrow(
			new RegExp(
				`^embeddings: ${escaped(`${path} ${expected.replace("is for", "is an embedding for")}`)}$`,
			),
		);
	});
});

function escaped(text: string): string {
	return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
