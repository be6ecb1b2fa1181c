import { beforeAll, describe, expect, test } from "vitest";
import { OptionError } from "../../src/errors/optionError.js";
import { optionsJsonSchema } from "../../src/pipeline/checkOptions.js";
import { MODEL_OPTIONS } from "../../src/pipeline/modelOptions.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import {
	GENERATION_OPTIONS,
	type GenerateOptions,
} from "../../src/pipeline/options.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { tinySd } from "./tinyModels.js";

let pipeline: Pipeline;
beforeAll(async () => {
	pipeline = await loadPipeline(tinySd);
});

/** The option that an error is about. */
function refused(options: unknown): string {
	try {
		pipeline.settings(options as GenerateOptions);
	} catch (error) {
		expect(error).toBeInstanceOf(OptionError);
		const { message, option, code } = error as OptionError;
		expect(code).toBe("invalid_option");
		expect(message).toMatch(/^[a-zA-Z]+: [^\n]+$/);
		expect(message).not.toMatch(/undefined|\[object|--/);
		return option;
	}
	throw new Error("was taken");
}

const noise = (values: Float32Array) => ({
	dims: [1, 4, 16, 16],
	data: values,
});
const plan = (more: object) => ({
	label: "z",
	states: [{ run: "full" }],
	extrapolation: { order: 0, over: "timestep" },
	...more,
});

describe("a wrong option of a JavaScript caller is an OptionError", () => {
	test.each<[string, unknown]>([
		["rng", "gpu"],
		["prompt", undefined],
		["prompt", null],
		["prompt", 5],
		["negativePrompt", 7],
		["steps", "20"],
		["steps", Number.POSITIVE_INFINITY],
		["width", "64"],
		["batchSize", 0],
		["guidanceScale", Number.NaN],
		["injectNoise", Number.NEGATIVE_INFINITY],
		["tiledDecoding", "yes"],
		["schedule", null],
		["sampler", 5],
		["sampler", "__proto__"],
		["sampler", "constructor"],
		["predictionType", "noise"],
		["seed", "abc"],
		["seed", ""],
		["seed", Number.NaN],
		["seed", null],
		["seed", 2 ** 60],
		["seed", 2n ** 64n],
		["seed", "18446744073709551616"],
		["schedulerConfig", { solver_order: 7 }],
		["schedulerConfig", { solver_order: 0 }],
		["schedulerConfig", { beta_schedule: "zzz" }],
		["schedulerConfig", { num_train_timesteps: 0 }],
		["schedulerConfig", { num_train_timesteps: 1e12 }],
		["schedulerConfig", { beta_start: "1" }],
		["schedulerConfig", { beta_start: 0 }],
		["schedulerConfig", { trained_betas: [0, 0] }],
		["schedulerConfig", { sample_max_value: 0 }],
		["schedulerConfig", { beta_strat: 0.1 }],
		["keySteps", 5],
		["keySteps", null],
		["keySteps", {}],
		["keySteps", []],
		["keySteps", { label: "z" }],
		["keySteps", plan({ states: [{ run: "decoder" }, { run: "full" }] })],
		["keySteps", plan({ states: [{ run: "ful" }] })],
		["keySteps", plan({ extrapolation: { order: 9, over: "timestep" } })],
		["initialNoise", {}],
		["initialNoise", noise(new Float32Array(3))],
		["initialNoise", noise(new Float32Array(1024).fill(Number.NaN))],
		["signal", {}],
		["denoiser", 5],
		["sedd", 7],
		["toString", 7],
	])("%s, case %#", (option, value) => {
		expect(refused({ prompt: "x", [option]: value })).toBe(option);
	});

	test("noise that is not finite is told where it is not", () => {
		const data = new Float32Array(1024);
		data[257] = Number.NEGATIVE_INFINITY;
		expect(() =>
			pipeline.settings({ prompt: "x", initialNoise: noise(data) } as never),
		).toThrow(
			/^initialNoise: -Infinity at \[0, 1, 0, 1\] of \[1, 4, 16, 16\]$/,
		);
	});

	test.each(["prompt", "negativePrompt"])(
		"a %s of more chunks than attention has memory for",
		async (option) => {
			const text = "BREAK ".repeat(1666);
			const asked = { prompt: "x", [option]: text, promptWeighting: true };
			const run = { ...asked, steps: 1, width: 64, height: 64 };
			await expect(
				pipeline.generate({ ...run, longPrompts: true }),
			).rejects.toMatchObject({
				option,
				what: "it makes 1666 chunks of 75 tokens, of which 100 are the most",
			});
		},
	);

	test.each(["prompt", "negativePrompt"])(
		"a weight of 400 digits in the %s",
		(option) => {
			const text = `(x:${"9".repeat(400)})`;
			const options = { prompt: "x", [option]: text, promptWeighting: true };
			expect(refused(options)).toBe(option);
			expect(refused({ ...options, longPrompts: true })).toBe(option);
		},
	);

	test("latents to decode, a denoiser that makes none and control nets that are none", async () => {
		const run = { prompt: "a", steps: 1, width: 64, height: 64 };
		const latents = (dims: number[], data: unknown) => ({ dims, data });
		for (const wrong of [
			5,
			undefined,
			latents([1, 4, 8, 8], new Float32Array(3)),
			latents([1, 4, 8, 8], new Float64Array(256)),
			latents([1, 8, 8, 4], new Float32Array(256)),
			latents([2, 4, 0, 0], new Float32Array(0)),
		])
			await expect(pipeline.decode(wrong as never)).rejects.toThrow(
				/^latents: /,
			);
		const [image] = await pipeline.decode({
			dims: [1, 4, 8, 8],
			data: new Float32Array(256),
		});
		expect(image.width).toBe(64);
		const denoiser = () => ({}) as never;
		await expect(pipeline.generate({ ...run, denoiser })).rejects.toThrow(
			/^denoiser: it did not return a function/,
		);
		for (const none of [[5], [{}], {}])
			await expect(
				loadPipeline(tinySd, { controlNets: none as never }),
			).rejects.toThrow(/^controlNets: /);
	});

	test("an unknown option is told the one that was meant", () => {
		expect(() =>
			pipeline.settings({ prompt: "x", guidancescale: 3 } as GenerateOptions),
		).toThrow(
			"guidancescale: there is no such option; did you mean guidanceScale?",
		);
	});

	test.each([undefined, null, 5, "a cat", []])(
		"no options, case %#",
		(options) => {
			expect(() => pipeline.settings(options as never)).toThrow(
				/is no object of options/,
			);
		},
	);

	test.each<[object, string]>([
		[{ threads: 0 }, "threads"],
		[{ threads: 1.5 }, "threads"],
		[{ device: "gpu" }, "device"],
		[{ optimization: "max" }, "optimization"],
		[{ keepResident: "no" }, "keepResident"],
		[{ thread: 2 }, "thread"],
		[{ onProgress: true }, "onProgress"],
	])("of a pipeline, case %#", async (options, option) => {
		await expect(loadPipeline(tinySd, options)).rejects.toMatchObject({
			name: "OptionError",
			option,
		});
	});
});

describe("prompts of more than 77 tokens", () => {
	const long = `${"apple ".repeat(75)}pear (plum:1.2)`;
	const cut = (options: Partial<GenerateOptions>) =>
		pipeline
			.settings({ prompt: "x", ...options })
			.warnings.map(({ code, message }) => [
				code,
				/effect: "(.*)"; the option longPrompts/.exec(message)?.[1],
			]);

	test("are warned of with the words that are cut", () => {
		expect(cut({ prompt: long })).toEqual([["prompt_cut", "pear (plum:1.2)"]]);
		expect(cut({ prompt: long, promptWeighting: true })).toEqual([
			["prompt_cut", "pear plum"],
		]);
		expect(cut({ negativePrompt: long })).toEqual([
			["prompt_cut", "pear (plum:1.2)"],
		]);
		expect(cut({ prompt: "a BREAK b", promptWeighting: true })).toEqual([
			["prompt_cut", "b"],
		]);
	});

	test("are not where nothing is cut", () => {
		expect(cut({ prompt: "apple ".repeat(75) })).toEqual([]);
		expect(cut({ prompt: long, longPrompts: true })).toEqual([]);
		expect(cut({ negativePrompt: long, guidanceScale: 1 })).toEqual([]);
	});

	test("of one word are cut inside it", () => {
		const [[, words = ""]] = cut({ prompt: "é".repeat(200) });
		expect(words.length).toBeGreaterThan(50);
		expect("é".repeat(200)).toContain(words.replace("…", ""));
	});
});

describe("settled options", () => {
	test.each([
		["a number", 7, 7],
		["a bigint", 7n, 7],
		["digits", "7", 7],
		["more digits than a number holds", 2n ** 63n, "9223372036854775808"],
		["a negative one", "-9007199254740993", "-9007199254740993"],
	])("say a seed as JSON can: %s", (_, seed, expected) => {
		const { options } = pipeline.settings({ prompt: "x", seed });
		expect(options.seed).toBe(expected);
		expect(JSON.parse(JSON.stringify(options)).seed).toBe(expected);
	});

	test("given again as JSON are settled to the same", () => {
		const { options } = pipeline.settings({
			prompt: "x",
			sampler: "DPM++ 3M SDE Karras",
			steps: 7,
			keySteps: [0, 2, 5],
		});
		const again = JSON.parse(JSON.stringify(options)) as GenerateOptions;
		expect(pipeline.settings(again).options).toEqual(options);
	});

	test("a prediction type overrides the model's", () => {
		const of = (predictionType?: "v_prediction") =>
			pipeline.settings({ prompt: "x", predictionType }).sampler.predictionType;
		expect(of()).toBe("epsilon");
		expect(of("v_prediction")).toBe("v_prediction");
	});

	test("say the schedule that the model's configuration has", () => {
		const { schedule, options } = pipeline.settings({
			prompt: "x",
			schedulerConfig: { use_karras_sigmas: true },
		});
		expect([schedule, options.schedule]).toEqual(["karras", "karras"]);
	});

	test("say none of a sampler that takes its levels from its timesteps", () => {
		const { options } = pipeline.settings({
			prompt: "x",
			sampler: "ddim",
			schedulerConfig: { use_karras_sigmas: true },
		});
		expect(options.schedule).toBe("default");
		expect(pipeline.settings(options).options).toEqual(options);
	});
});

describe("the JSON schema of the options", () => {
	const schema = optionsJsonSchema(GENERATION_OPTIONS);

	test("has every option that JSON can say, with words and bounds", () => {
		const names = Object.keys(GENERATION_OPTIONS).filter(
			(name) =>
				![
					"initialNoise",
					"initImage",
					"mask",
					"controlImage",
					"loras",
					"embeddings",
				].includes(name),
		);
		expect(Object.keys(schema.properties ?? {})).toEqual(names);
		expect(schema.required).toEqual(["prompt"]);
		expect(schema.additionalProperties).toBe(false);
		expect(schema.properties).toMatchObject({
			steps: { type: "integer", minimum: 1, maximum: 1000 },
			rng: { enum: ["cpu", "cuda"] },
			guidanceScale: { type: "number", minimum: 0, maximum: 100 },
		});
		for (const property of Object.values(schema.properties ?? {}))
			expect(property).toHaveProperty("description");
	});

	test("does not let everything pass where a bigint or a plan would do too", () => {
		const { seed, keySteps } = schema.properties as Record<
			string,
			{ anyOf: object[] }
		>;
		expect(seed.anyOf).toHaveLength(2);
		// words, a list, a file's content, a plan
		expect(keySteps.anyOf).toHaveLength(4);
		for (const alternative of [...seed.anyOf, ...keySteps.anyOf])
			expect(alternative).toHaveProperty("type");
	});

	test("of a pipeline's options can be made too", () => {
		expect(optionsJsonSchema(MODEL_OPTIONS).properties).toHaveProperty(
			"device.enum",
		);
	});
});
