import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { encoderPropagation } from "../../src/accelerators/encoderPropagation.js";
import type { PipelineEvent } from "../../src/pipeline/generatedImage.js";
import type { GenerateOptions } from "../../src/pipeline/options.js";
import { createPipeline, type Pipeline } from "../../src/pipeline/pipeline.js";
import type { ModelFiles } from "../../src/weights/folder/modelFiles.js";
import { openNodeWeightFile } from "../../src/weights/formats/nodeModelFolder.js";
import type { Weights } from "../../src/weights/formats/weights.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { oneThread, tinySd } from "./tinyModels.js";

const short: GenerateOptions = {
	prompt: "a red apple",
	steps: 4,
	width: 64,
	height: 64,
	seed: 3,
	keySteps: "0,2",
};

let files: ModelFiles;
let whole: Pipeline;
beforeAll(async () => {
	files = await openModel(tinySd);
	whole = createPipeline(files, oneThread);
});

/** The weights in memory, with `value` as the first of the tensor `name`. */
async function damaged(
	weights: Weights,
	name: string,
	value = Number.NaN,
): Promise<Weights> {
	const tensor = weights.tensors.get(name);
	const file = tensor && weights.files.get(tensor.file);
	if (!file || !("path" in file)) throw new Error(`no ${name} on disk`);
	const bytes = new Uint8Array(await readFile(file.path));
	new DataView(bytes.buffer).setFloat32(tensor.offset, value, true);
	return {
		...weights,
		files: new Map([...weights.files, [tensor.file, { bytes }]]),
	};
}

/** What a run gave out before its error. */
async function failing(
	pipeline: Pipeline,
	options: GenerateOptions,
): Promise<{ error: unknown; events: PipelineEvent[] }> {
	const events: PipelineEvent[] = [];
	try {
		for await (const event of pipeline.stream(options)) events.push(event);
	} catch (error) {
		return { error, events };
	}
	return { error: undefined, events };
}

describe("a weight that is no finite number", () => {
	test.each<["unet" | "text_encoder" | "vae", string, number, RegExp]>([
		[
			"unet",
			"conv_in.bias",
			Number.NaN,
			/the UNet's encoder half, (skip_0|mid).* NaN .*the weight conv_in.bias of .*unet is not finite/,
		],
		[
			"unet",
			"conv_out.bias",
			Number.NaN,
			/the UNet's decoder half, prediction.* NaN/,
		],
		[
			"unet",
			"conv_out.bias",
			Number.POSITIVE_INFINITY,
			/the UNet's decoder half.*Infinity/,
		],
		[
			"text_encoder",
			"text_model.final_layer_norm.bias",
			Number.NaN,
			/the text encoder, hidden states: NaN at \[0, 0, 0\]/,
		],
		[
			"vae",
			"post_quant_conv.bias",
			Number.NaN,
			/the VAE's decoder, image: NaN/,
		],
		[
			"vae",
			"decoder.conv_out.bias",
			Number.NEGATIVE_INFINITY,
			/the VAE's decoder, image: -Infinity/,
		],
	])(
		"in the %s, %s: %d, is an error that says where, and gives no image",
		async (network, name, value, message) => {
			const pipeline = createPipeline(
				{
					...files,
					networks: {
						...files.networks,
						[network]: {
							...files.networks[network],
							weights: await damaged(
								files.networks[network].weights,
								name,
								value,
							),
						},
					},
				},
				oneThread,
			);
			const { error, events } = await failing(pipeline, short);
			expect(error).toMatchObject({ code: "not_finite" });
			expect(String(error)).toMatch(message);
			expect(events.filter(({ kind }) => kind === "image")).toEqual([]);
		},
	);
});

test("a damaged adapter is called by its own name", async () => {
	const folder = join(tinySd, "../tiny-adapters");
	const broken = async (name: string) => {
		const file = await readFile(join(folder, `${name}.safetensors`));
		new DataView(file.buffer, file.byteOffset).setUint16(
			file.length - 2,
			// NaN in half precision, and where it is the upper half of a single
			0x7fc0,
			true,
		);
		return new Uint8Array(file);
	};
	const pipeline = createPipeline(files, oneThread, {
		openWeightFile: openNodeWeightFile,
	});
	const lora = { file: await broken("kohya-unet"), name: "broken" };
	const found = await failing(pipeline, { ...short, loras: [lora] });
	expect(String(found.error)).toMatch(
		/the weight lora_unet_\S+ of broken is not finite: the file is damaged/,
	);
	const embedding = { file: await broken("learned"), token: "odd" };
	const other = await failing(pipeline, {
		...short,
		prompt: "an odd cat",
		embeddings: [embedding],
	});
	expect(String(other.error)).toMatch(/the weight <cat-toy> of odd is not/);
});

describe("a number that is not finite", () => {
	test("in the initial noise is refused before anything runs", async () => {
		const [{ initialNoise }] = await whole.generate(short);
		const data = initialNoise.data.slice();
		data[70] = Number.NEGATIVE_INFINITY;
		expect(() =>
			whole.settings({ ...short, initialNoise: { ...initialNoise, data } }),
		).toThrow(
			expect.objectContaining({
				option: "initialNoise",
				message: expect.stringMatching(/-Infinity at \[/),
			}),
		);
	});

	test("in a prompt's weight", async () => {
		const { error } = await failing(whole, {
			...short,
			prompt: `a (red:${"9".repeat(400)}) apple`,
			promptWeighting: true,
		});
		expect(String(error)).toMatch(/weight/);
		expect(error).toMatchObject({
			name: expect.stringMatching(/UserError|OptionError/),
		});
	});

	test("in a prediction, with the step that it was for", async () => {
		const { error, events } = await failing(whole, {
			...short,
			denoiser: (options) => {
				const real = encoderPropagation(options);
				return async function* (request) {
					for await (const prediction of real(request)) {
						if (request.steps[0].index === 2) prediction.data[5] = Number.NaN;
						yield prediction;
					}
				};
			},
		});
		expect(error).toMatchObject({ code: "not_finite" });
		expect(String(error)).toMatch(
			/prediction of step 3 of 4: NaN at \[0, 0, 0, 5\]/,
		);
		expect(events.filter(({ kind }) => kind === "step")).toHaveLength(2);
	});

	test("in latents after a step, and in latents to decode", async () => {
		const settings = whole.settings(short);
		const [image] = await whole.generate(short);
		const run = whole.denoise({
			...settings,
			conditioning: await whole.encodePrompts(settings),
			initialNoise: image.initialNoise,
			noise: () => new Float32Array(256),
			afterStep: (latents, index) =>
				index === 1 ? latents.map(() => Number.POSITIVE_INFINITY) : latents,
		});
		await expect(async () => {
			for await (const _ of run);
		}).rejects.toThrow(/latents after step 2 of 4.*Infinity at \[0, 0, 0, 0\]/);
		const latents = {
			...image.latents,
			data: image.latents.data.map(() => Number.NaN),
		};
		await expect(whole.decode(latents, settings)).rejects.toThrow(
			/latents to decode: NaN/,
		);
	});
});
