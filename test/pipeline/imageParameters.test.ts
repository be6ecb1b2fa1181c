import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	imageParameters,
	optionsFromParameters,
} from "../../src/pipeline/imageParameters.js";
import type { ModelDefaults } from "../../src/pipeline/modelDefaults.js";
import type { GenerateOptions } from "../../src/pipeline/options.js";
import { runSettings } from "../../src/pipeline/runSettings.js";
import { SAMPLER_NAMES } from "../../src/samplers/sampler.js";

const model: ModelDefaults = {
	width: 512,
	height: 512,
	guidanceScale: 7.5,
	scheduler: {},
	factor: 8,
	textLayers: 12,
	batches: false,
	skipCount: 12,
	hash: "0123456789",
	label: "a model",
};

function written(options: GenerateOptions): string {
	const settings = runSettings(options, model);
	return imageParameters(
		{ seed: settings.seed, settings },
		{ label: "/home/someone/models/tiny", hash: "0123456789" },
	);
}

test("a picture of ours is run again with what it was run with, also where that is what there always is", () => {
	expect(optionsFromParameters(written({ prompt: "x" }))).toMatchObject({
		engine: "onnxruntime",
		precision: "float32",
	});
	const settings = runSettings({ prompt: "x" }, model);
	const text = imageParameters(
		{ seed: settings.seed, settings },
		{ label: "m", hash: "0", engine: "openvino", precision: "bfloat16" },
	);
	expect(optionsFromParameters(text)).toMatchObject({
		engine: "openvino",
		precision: "bfloat16",
	});
	const foreign = optionsFromParameters("x\nSteps: 20, Seed: 1, Size: 64x64");
	expect(foreign.engine).toBeUndefined();
});

test("a text of A1111 is read as the options that make it again", () => {
	const { options, model, modelHash, warnings } =
		optionsFromParameters(`masterpiece, a bowl of (ramen:1.3), steam: hot
second line
Negative prompt: lowres, bad "quality"
blurry
Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 3141592653, Size: 512x768, Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, Clip skip: 2, Version: v1.9.4`);
	expect({ model, modelHash, warnings }).toEqual({
		model: "v1-5-pruned-emaonly",
		modelHash: "6ce0161689",
		warnings: [],
	});
	expect(options).toEqual({
		prompt: "masterpiece, a bowl of (ramen:1.3), steam: hot\nsecond line",
		negativePrompt: 'lowres, bad "quality"\nblurry',
		steps: 20,
		sampler: "DPM++ 2M Karras",
		guidanceScale: 7.5,
		seed: 3141592653,
		width: 512,
		height: 768,
		clipSkip: 1,
		// what A1111 does without saying so
		rng: "cuda",
		promptWeighting: true,
		longPrompts: true,
		keySteps: "all",
	});
});

test("what we write is what A1111 writes, with our keys before the version", () => {
	expect(
		written({
			prompt: "a bowl of ramen",
			negativePrompt: "blurry",
			steps: 4,
			sampler: "dpm++ 2m karras",
			seed: 2n ** 63n - 1n,
			keySteps: [0, 1, 3],
		}),
	).toBe(`a bowl of ramen
Negative prompt: blurry
Steps: 4, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 9223372036854775807, Size: 512x512, Model hash: 0123456789, Model: models/tiny, RNG: CPU, Key steps: "0,1,3", Noise injection: 0.003, Inject until: 0.5, Version: faster-diffusion`);
});

describe("what cannot be made again is named in one warning", () => {
	const base = "CFG scale: 7, Seed: 5, Size: 128x128";
	test.each<[string, string, RegExp[], object]>([
		[
			"an offset of seeds",
			"Sampler: Euler a, ENSD: 31337",
			[/ENSD: 31337/],
			{},
		],
		[
			"an enlargement to a size",
			"Sampler: Euler a, Denoising strength: 0.7, Hires resize: 1024x1024, Hires upscaler: Latent",
			[/Denoising strength: 0.7/, /Hires resize/, /Hires upscaler/],
			{ sampler: "Euler a" },
		],
		[
			"a LoRA",
			'Sampler: Euler, Lora hashes: "foo: abc"',
			[/<lora:foo:0.8>/, /Lora hashes/],
			{ prompt: "a cat " },
		],
		[
			"a schedule that is not there",
			"Sampler: DPM++ 2M, Schedule type: KL Optimal",
			[/Schedule type: KL Optimal/],
			{ sampler: "DPM++ 2M" },
		],
		[
			"eta of another sampler than DDIM",
			"Sampler: Euler a, Eta: 0.667",
			[/Eta: 0.667/],
			{ sampler: "Euler a" },
		],
		[
			"values out of range",
			"Sampler: Euler, Clip skip: 200, RNG: TPU",
			[/Clip skip: 200/, /RNG: TPU/],
			{ rng: "cuda" },
		],
	])("%s", (_, settings, named, options) => {
		const read = optionsFromParameters(
			`a cat <lora:foo:0.8>\nSteps: 4, ${settings}, ${base}`,
		);
		expect(read.warnings).toHaveLength(1);
		expect(read.warnings[0].code).toBe("settings_left_out");
		for (const words of named) expect(read.warnings[0].message).toMatch(words);
		expect(read.options).toMatchObject(options);
		for (const name of ["eta", "clipSkip", "strength", "hiresStrength"])
			expect(read.options).not.toHaveProperty(name);
	});

	test("values that cannot be read", () => {
		const { options, warnings } = optionsFromParameters(
			"x\nSteps: many, Seed: 123456789012345678901, Size: 512 x 512, CFG scale: 1e999999, RNG: NV",
		);
		expect(options).toMatchObject({ prompt: "x", rng: "cuda" });
		for (const name of ["steps", "seed", "width", "height", "guidanceScale"])
			expect(options).not.toHaveProperty(name);
		for (const key of ["Steps", "Seed", "Size", "CFG scale"])
			expect(warnings[0].message).toContain(`${key}: `);
	});

	test("a schedule that only changes the spacing is read with the sampler", () => {
		const { options, warnings } = optionsFromParameters(
			`x\nSteps: 4, Sampler: DPM++ 2M, Schedule type: SGM Uniform, ${base}`,
		);
		expect(options.sampler).toBe("DPM++ 2M SGM Uniform");
		expect(warnings).toEqual([]);
	});
});

describe("pictures that A1111 made", () => {
	const read = (settings: string) =>
		optionsFromParameters(
			`a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 512x512, ${settings}, Version: v1.9.4`,
		);

	test("from pictures need them again", () => {
		expect(read("Denoising strength: 0.75")).toMatchObject({
			options: { strength: 0.75 },
			given: ["initImage"],
			warnings: [],
		});
	});

	test("in parts need picture and mask again", () => {
		const { options, given, warnings } = read(
			"Denoising strength: 0.6, Mask blur: 4, Inpaint area: Only masked, Masked area padding: 16, Masked content: latent noise",
		);
		expect(options).toMatchObject({
			strength: 0.6,
			maskBlur: 4,
			onlyMasked: true,
			maskPadding: 16,
			maskedContent: "noise",
		});
		expect(given.toSorted()).toEqual(["initImage", "mask"]);
		expect(warnings).toEqual([]);
	});

	test("keep the LoRAs in their prompts that can be had", () => {
		const { options, warnings } = optionsFromParameters(
			`a cat <lora:ice:0.5>, <lora:fur:1>, <hypernet:x:1>\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 5, Size: 512x512, Version: v1.9.4`,
			{ findsLora: (name) => name === "ice" },
		);
		expect(options.prompt).toBe("a cat <lora:ice:0.5>, , ");
		expect(warnings.map(({ message }) => message)).toEqual([
			expect.stringMatching(/left out: <lora:fur:1>; <hypernet:x:1>$/),
		]);
	});

	test("small and then larger are made again from their text", () => {
		const { options, given, warnings } = read(
			"Denoising strength: 0.7, Hires upscale: 2, Hires upscaler: Latent",
		);
		expect(options).toMatchObject({
			hires: 2,
			hiresStrength: 0.7,
			hiresUpscaler: "latent",
		});
		expect(options).not.toHaveProperty("strength");
		expect(given).toEqual([]);
		expect(warnings).toEqual([]);
	});
});

test("any options are read back as what was settled", () => {
	const unit = fc.integer({ min: 0, max: 1000 }).map((n) => n / 1000);
	const side = fc.integer({ min: 1, max: 256 }).map((n) => 8 * n);
	const maybe = <T>(value: fc.Arbitrary<T>) =>
		fc.option(value, { nil: undefined });
	fc.assert(
		fc.property(
			fc.record({
				prompt: fc.string({ unit: "grapheme" }),
				negativePrompt: maybe(fc.string()),
				steps: fc.integer({ min: 5, max: 50 }),
				sampler: fc.constantFrom(
					...SAMPLER_NAMES,
					"DPM++ 2M Karras",
					"DPM++ 3M SDE Exponential",
					"uni_pc_bh1",
					"Euler trailing",
				),
				guidanceScale: maybe(fc.double({ min: 1, max: 100, noNaN: true })),
				seed: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
				width: side,
				height: side,
				clipSkip: maybe(fc.nat(11)),
				rng: maybe(fc.constantFrom("cpu" as const, "cuda" as const)),
				predictionType: maybe(fc.constant("v_prediction" as const)),
				schedulerConfig: maybe(
					fc.record({ beta_end: fc.constant(0.02), steps_offset: fc.nat(2) }),
				),
				keySteps: maybe(
					fc.constantFrom(
						"all",
						"paper",
						"uniform:3@1",
						"deepcache:3",
						"0,1,4",
					),
				),
				injectNoise: maybe(unit),
				injectUntil: maybe(unit),
				promptWeighting: maybe(fc.boolean()),
				longPrompts: maybe(fc.boolean()),
				tiledDecoding: maybe(fc.boolean()),
				hires: maybe(fc.constantFrom(1.5, 2)),
				hiresStrength: fc.constantFrom(0.5, 0.75),
				hiresUpscaler: fc.constantFrom("lanczos" as const, "latent" as const),
			}),
			({ hiresStrength, hiresUpscaler, ...rest }) => {
				const options: GenerateOptions = rest.hires
					? { ...rest, hiresStrength, hiresUpscaler }
					: rest;
				const { numImages, batchSize, maxDecodeBatch, ...settled } =
					runSettings(options, model).options;
				const text = written(options);
				const read = optionsFromParameters(text);
				expect(read.warnings).toEqual([]);
				expect(runSettings(read.options, model).options).toMatchObject(settled);
			},
		),
		{ numRuns: 500 },
	);
});
