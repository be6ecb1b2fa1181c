import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { encoderPropagation } from "../../src/accelerators/encoderPropagation.js";
import type { GeneratedImage } from "../../src/pipeline/generatedImage.js";
import {
	imageParameters,
	optionsFromParameters,
} from "../../src/pipeline/imageParameters.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { GenerateOptions } from "../../src/pipeline/options.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { createPipeline } from "../../src/pipeline/pipeline.js";
import { parsePlanFile } from "../../src/propagation/planFile.js";
import { concat } from "../../src/tensor/tensor.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { relativeError } from "../goldenFile.js";
import {
	differences,
	eventsOf,
	latents,
	models,
	pixels,
	tinySd,
	tinySd2,
	watchedEngine,
} from "./tinyModels.js";

/** A short run with key steps 0 and 2 of 4. */
const short: GenerateOptions = {
	prompt: "a red apple",
	steps: 4,
	width: 64,
	height: 64,
	seed: 3,
	keySteps: "0,2",
};
const one = async (pipeline: Pipeline, options: GenerateOptions) =>
	(await pipeline.generate(options))[0];

let pipeline: Pipeline;
let runs: { encoder: number; decoder: number };
beforeAll(async () => {
	const watched = watchedEngine();
	pipeline = createPipeline(await openModel(tinySd), watched.engine);
	({ runs } = watched);
});
beforeEach(() => {
	runs.encoder = 0;
	runs.decoder = 0;
});

describe("a run", () => {
	test("tells each step and then each image", async () => {
		const events = await eventsOf(
			pipeline.stream({ ...short, numImages: 3, batchSize: 2 }),
		);
		expect(
			events.map((event) =>
				event.kind === "step"
					? `${event.image}:${event.step.index}${event.step.encoderRan ? "k" : ""}`
					: event.kind === "image"
						? `image ${event.result.index}`
						: event.kind === "loading"
							? `${event.network} ${event.seconds === undefined ? "…" : "loaded"}`
							: event.code,
			),
		).toEqual([
			...["text_encoder …", "text_encoder loaded"],
			...["unet …", "unet loaded", "unet …", "unet loaded"],
			...["0:0k", "0:1", "0:2k", "0:3", "vae …", "vae loaded"],
			...["image 0", "image 1"],
			...["2:0k", "2:1", "2:2k", "2:3", "image 2"],
		]);
		expect(runs).toEqual({ encoder: 4, decoder: 8 });
		const { sampler } = pipeline.settings(short);
		for (const event of events)
			if (event.kind === "step") {
				const { step } = event;
				const images = event.image === 0 ? 2 : 1;
				expect(step.count).toBe(4);
				expect(step.timestep).toBe(sampler.timesteps[step.index]);
				expect(step.latents.dims).toEqual([images, 4, 8, 8]);
				expect(step.denoised.dims).toEqual([images, 4, 8, 8]);
				expect(step.seconds).toBeGreaterThanOrEqual(step.networkSeconds);
			}
		const last = events[9];
		const image = events[12];
		if (last.kind !== "step" || image.kind !== "image")
			throw new Error("other events");
		expect(Array.from(last.step.latents.data.subarray(0, 256))).toEqual(
			latents(image.result),
		);
		expect(image.result.cost).toMatchObject({ encoderRuns: 2, evaluations: 4 });
	});

	test("counts the operations of the halves that ran", async () => {
		const plain = await one(pipeline, { ...short, keySteps: "all" });
		const propagated = await one(pipeline, short);
		const decoderOnly = await one(pipeline, { ...short, keySteps: "0" });
		const [a, b, c] = [plain, propagated, decoderOnly].map((r) => r.cost.flops);
		// 4 E + 4 D, 2 E + 4 D, 1 E + 4 D
		expect(a - b).toBe(2 * (b - c));
		expect(c).toBeGreaterThan(a / 4);
	});

	test("gives the same images in a batch of two as one by one", async () => {
		const two = { ...short, numImages: 2 };
		const alone = await pipeline.generate(two);
		const together = await pipeline.generate({ ...two, batchSize: 2 });
		for (const [n, expected] of alone.entries()) {
			expect(together[n].seed).toBe(expected.seed);
			expect(
				relativeError(latents(together[n]), latents(expected)),
			).toBeLessThan(1e-5);
			expect(
				differences(pixels(together[n]), pixels(expected)).largest,
			).toBeLessThanOrEqual(1);
		}
		const second = await one(pipeline, { ...short, seed: 4 });
		expect(relativeError(latents(second), latents(alone[1]))).toBeLessThan(
			1e-5,
		);
	});

	test("gives the same image however many steps are decoded at once", async () => {
		const long = { ...short, steps: 10, keySteps: "0,1,6" };
		const oneByOne = await one(pipeline, { ...long, maxDecodeBatch: 1 });
		expect(runs).toEqual({ encoder: 3, decoder: 10 });
		for (const [maxDecodeBatch, decoderRuns] of [
			[2, 6],
			[3, 5],
			[8, 3],
		]) {
			runs.decoder = 0;
			const batched = await one(pipeline, { ...long, maxDecodeBatch });
			expect(runs.decoder).toBe(decoderRuns);
			expect(relativeError(latents(batched), latents(oneByOne))).toBeLessThan(
				1e-5,
			);
		}
	});

	test("without guidance runs the network on one sample an image and ignores the negative prompt", async () => {
		const unguided = { ...short, guidanceScale: 1 };
		const first = await one(pipeline, unguided);
		const second = await one(pipeline, { ...unguided, negativePrompt: "blue" });
		expect(latents(first)).toEqual(latents(second));
		const guided = await one(pipeline, short);
		expect(guided.cost.flops).toBe(2 * first.cost.flops);
		const negative = await one(pipeline, { ...short, negativePrompt: "blue" });
		expect(latents(negative)).not.toEqual(latents(guided));
	});

	test("draws a random seed of its own where none is given, and says it", async () => {
		const { seed: _, ...unseeded } = short;
		const first = await one(pipeline, unseeded);
		const second = await one(pipeline, unseeded);
		expect(second.seed).not.toBe(first.seed);
		const again = await one(pipeline, { ...short, seed: first.seed });
		expect(latents(again)).toEqual(latents(first));
	});
});

describe("initial noise", () => {
	test("of a run, given back, makes the same images", async () => {
		const images = await pipeline.generate({ ...short, numImages: 2 });
		const initialNoise = concat(images.map((image) => image.initialNoise));
		const again = await pipeline.generate({
			...short,
			seed: 99,
			numImages: 2,
			initialNoise,
		});
		expect(again.map(latents)).toEqual(images.map(latents));
	});

	test("of another shape is refused before anything runs", async () => {
		const { initialNoise } = await one(pipeline, short);
		runs.encoder = 0;
		expect(() =>
			pipeline.settings({ ...short, width: 128, initialNoise }),
		).toThrow(/initialNoise: it is \[1, 4, 8, 8\].*needs \[1, 4, 8, 16\]/);
		await expect(
			pipeline.generate({ ...short, width: 128, initialNoise }),
		).rejects.toThrow(/initialNoise/);
		expect(runs.encoder).toBe(0);
	});
});

describe("stopping", () => {
	test("an abort stops before the next network call", async () => {
		const controller = new AbortController();
		const steps: number[] = [];
		const reason = new Error("enough");
		await expect(async () => {
			for await (const event of pipeline.stream({
				...short,
				signal: controller.signal,
			}))
				if (event.kind === "step") {
					steps.push(event.step.index);
					if (event.step.index === 1) controller.abort(reason);
				}
		}).rejects.toBe(reason);
		expect(steps).toEqual([0, 1]);
		expect(runs).toEqual({ encoder: 1, decoder: 2 });
	});

	test("an abort before the run runs nothing", async () => {
		await expect(
			pipeline.generate({ ...short, signal: AbortSignal.abort() }),
		).rejects.toThrow(/abort/i);
		expect(runs).toEqual({ encoder: 0, decoder: 0 });
	});

	test("a consumer that breaks off stops the run", async () => {
		for await (const event of pipeline.stream(short))
			if (event.kind === "step") break;
		expect(runs).toEqual({ encoder: 1, decoder: 1 });
	});

	test.each([true, false])(
		"images that were finished before an abort are given out (networks resident: %s)",
		async (keepResident) => {
			const own = await loadPipeline(tinySd, { threads: 1, keepResident });
			const controller = new AbortController();
			const images: GeneratedImage[] = [];
			await expect(async () => {
				for await (const event of own.stream({
					...short,
					numImages: 3,
					signal: controller.signal,
				})) {
					if (event.kind === "image") images.push(event.result);
					else if (event.kind === "step" && event.image === 2)
						controller.abort();
				}
			}).rejects.toThrow(/abort/i);
			expect(images.map(({ index }) => index)).toEqual([0, 1]);
		},
	);

	test.each([true, false])(
		"images that were finished before another one failed are given out (networks resident: %s)",
		async (keepResident) => {
			const own = await loadPipeline(tinySd, { threads: 1, keepResident });
			const images: number[] = [];
			let begun = 0;
			await expect(async () => {
				for await (const event of own.stream({
					...short,
					numImages: 3,
					denoiser(options) {
						if (++begun === 3) throw new Error("no memory");
						return encoderPropagation(options);
					},
				}))
					if (event.kind === "image") images.push(event.result.index);
			}).rejects.toThrow("no memory");
			expect(images).toEqual([0, 1]);
		},
	);

	test("a run that is stopped before anything is finished takes no network from the others", async () => {
		const { engine, everLoaded } = watchedEngine();
		const own = createPipeline(await openModel(tinySd), engine, {
			keepResident: false,
		});
		const controller = new AbortController();
		const long = { ...short, steps: 30, keySteps: "all" };
		const other = own.generate(long);
		await expect(async () => {
			for await (const event of own.stream({
				...long,
				signal: controller.signal,
			}))
				if (event.kind === "step") controller.abort();
		}).rejects.toThrow(/abort/i);
		await other;
		const kinds = everLoaded.map((name) => name.split(" ")[0]);
		expect(kinds).toEqual(["text", "unet", "vae"]);
	});
});

describe("memory", () => {
	test("networks that make room for each other draw the same images", async () => {
		const { engine, ...watched } = watchedEngine();
		const own = createPipeline(await openModel(tinySd), engine, {
			keepResident: false,
		});
		const options = { ...short, numImages: 2 };
		const expected = await pipeline.generate(options);
		const images = await own.generate(options);
		expect(images.map(pixels)).toEqual(expected.map(pixels));
		// text encoder, then the UNet's halves, then the VAE: never two of them
		expect(watched.loaded.size).toBe(0);
		const kinds = watched.everLoaded.map((name) => name.split(" ")[0]);
		expect(kinds.slice(0, 4)).toEqual(["text", "encoder", "decoder", "vae"]);
	});

	test("a consumer that breaks off leaves no network loaded", async () => {
		const { engine, loaded, everLoaded } = watchedEngine();
		const own = createPipeline(await openModel(tinySd), engine, {
			keepResident: false,
		});
		for await (const event of own.stream(short))
			if (event.kind === "step") break;
		expect(everLoaded).toHaveLength(3);
		expect(loaded.size).toBe(0);
	});

	test("a long run is as fast after a short one: it runs the networks that it would have loaded alone", async () => {
		const { engine, everLoaded } = watchedEngine();
		const own = createPipeline(await openModel(tinySd), engine, {
			keepResident: true,
		});
		const unets = () =>
			everLoaded
				.map((name) => name.split(" ").slice(0, 2).join(" "))
				.filter((name) => name.startsWith("unet"));
		const run = { ...short, keySteps: "all" };
		await own.generate({ ...run, steps: 2 });
		expect(unets()).toEqual(["unet extended"]);
		await own.generate({ ...run, steps: 20 });
		expect(unets()).toEqual(["unet extended", "unet all"]);
		await own.generate({ ...run, steps: 20 });
		await own.generate({ ...run, steps: 2 });
		expect(unets()).toHaveLength(2);
		await own.release();
	});

	test("a pipeline that was released draws again", async () => {
		const own = await loadPipeline(tinySd, { threads: 1 });
		const before = await one(own, short);
		await own.release();
		expect(latents(await one(own, short))).toEqual(latents(before));
	});
});

describe("settings", () => {
	test("warn of a stochastic sampler with reused features, not of a plain run", () => {
		const stochastic = { ...short, sampler: "euler-a" };
		expect(pipeline.settings(stochastic).warnings).toEqual([
			{
				code: "stochastic_sampler",
				message: expect.stringMatching(/euler-a.*key steps "all"/),
			},
		]);
		expect(
			pipeline.settings({ ...stochastic, keySteps: "all" }).warnings,
		).toEqual([]);
		expect(pipeline.settings(short).warnings).toEqual([]);
	});

	test("sample plainly by default; the published plan brings its injection", () => {
		const settings = pipeline.settings({ prompt: "x" });
		expect(settings).toMatchObject({
			steps: 20,
			width: 128,
			height: 128,
			guidanceScale: 7.5,
			injection: { alpha: 0, until: 0.5 },
		});
		expect(settings.sampler.name).toBe("dpm-solver++");
		expect(settings.plan.label).toBe("all");
		expect(
			pipeline.settings({ prompt: "x", keySteps: "paper" }).injection,
		).toEqual({ alpha: 0.003, until: 0.5 });
	});

	test("take steps, sampler and injection from a plan file, unless others are asked for", () => {
		const file = parsePlanFile(
			'{"sampler":"ddim","steps":6,"keySteps":[0,3],"injectNoise":0.01}',
			"plan.json",
		);
		const settings = pipeline.settings({ prompt: "x", keySteps: file });
		expect(settings.sampler.name).toBe("ddim");
		expect(settings.steps).toBe(6);
		expect(settings.injection.alpha).toBe(0.01);
		expect(settings.plan.label).toBe("0,3");
		expect(() =>
			pipeline.settings({ prompt: "x", keySteps: file, steps: 7 }),
		).toThrow(/for 6 steps, not 7/);
		expect(() =>
			pipeline.settings({ prompt: "x", keySteps: file, sampler: "euler" }),
		).toThrow(/sampler ddim, not euler/);
	});

	test.each([
		["steps", { steps: 0 }, /steps: 0/],
		["steps", { steps: 1001 }, /steps: 1001/],
		["steps", { steps: 2.5 }, /steps: 2.5/],
		["width", { width: 65 }, /width: 65 is not divisible by 8; use 64 or 72/],
		["height", { height: 4 }, /height: 4/],
		["sampler", { sampler: "dimm" }, /did you mean ddim/],
		["schedule", { schedule: "karas" }, /schedule: "karas"/],
		["seed", { seed: 1.5 }, /seed: 1.5 is not an integer/],
		["seed", { seed: 2n ** 64n }, /64 bits/],
		["plan", { keySteps: "1,2" }, /step 0 must be a key step/],
		["plan", { keySteps: "0,20" }, /key step 20 is out of range/],
		["plan", { keySteps: "often" }, /"often" is no plan/],
		["guidance", { guidanceScale: Number.NaN }, /guidanceScale: NaN/],
		["injection", { injectNoise: -1 }, /injectNoise: -1/],
		["prompt", { prompt: "x".repeat(100_001) }, /100001 characters/],
	])("refuse a wrong value of %s", (_, wrong, message) => {
		expect(() =>
			pipeline.settings({ prompt: "x", ...wrong } as GenerateOptions),
		).toThrow(message);
	});
});

describe("prompts", () => {
	const words = Array.from({ length: 60 }, (_, n) => `apple ${n}`).join(" ");

	test("without brackets, and of up to 77 tokens, are the same with weighting and long prompts", async () => {
		const plain = await one(pipeline, short);
		const both = { promptWeighting: true, longPrompts: true };
		expect(latents(await one(pipeline, { ...short, ...both }))).toEqual(
			latents(plain),
		);
	});

	test("are weighted where that is asked for", async () => {
		const weighted = { ...short, prompt: "a (red:1.6) apple" };
		const literal = await one(pipeline, weighted);
		const plain = await one(pipeline, short);
		const on = await one(pipeline, { ...weighted, promptWeighting: true });
		expect(latents(on)).not.toEqual(latents(literal));
		expect(latents(on)).not.toEqual(latents(plain));
		const neutral = await one(pipeline, {
			...short,
			prompt: "a (red:1.0) apple",
			promptWeighting: true,
		});
		expect(relativeError(latents(neutral), latents(plain))).toBeLessThan(1e-6);
	});

	test("over 77 tokens are cut, or encoded whole where that is asked for", async () => {
		const ended = (end: string, longPrompts: boolean) =>
			one(pipeline, { ...short, prompt: `${words} ${end}`, longPrompts });
		expect(latents(await ended("pear", false))).toEqual(
			latents(await ended("plum", false)),
		);
		expect(latents(await ended("pear", true))).not.toEqual(
			latents(await ended("plum", true)),
		);
	});
});

describe("an image's parameters", () => {
	test.each<[string, GenerateOptions]>([
		["a default run", { prompt: "a red apple", steps: 5, seed: 2n ** 40n }],
		[
			"many settings",
			{
				prompt: 'a "red" (apple:1.2), on:\na table',
				negativePrompt: "blurry, dark",
				sampler: "DPM++ 2M Karras",
				steps: 5,
				width: 72,
				height: 64,
				seed: 7,
				guidanceScale: 3.25,
				keySteps: "full,nothing:1,outer:2,decoder,decoder@1",
				injectNoise: 0.01,
				injectUntil: 0.7,
				clipSkip: 1,
				promptWeighting: true,
				longPrompts: true,
				rng: "cuda",
				tiledDecoding: true,
			},
		],
		[
			"a stochastic sampler",
			{ prompt: "x", sampler: "ddim", eta: 0.3, steps: 3, keySteps: "all" },
		],
		[
			"a plan file",
			{
				prompt: "x",
				seed: 1,
				keySteps: { sampler: "euler", steps: 4, keySteps: [0, 2] },
			},
		],
	])("make it again: %s", async (_, options) => {
		const first = await one(pipeline, options);
		const { options: read, given } = optionsFromParameters(
			imageParameters(first, pipeline),
		);
		expect(given).toEqual([]);
		const again = await one(pipeline, read);
		expect(pixels(again)).toEqual(pixels(first));
		expect(imageParameters(again, pipeline)).toBe(
			imageParameters(first, pipeline),
		);
	});

	test("say when the noise was given", async () => {
		const { initialNoise } = await one(pipeline, short);
		const result = await one(pipeline, { ...short, initialNoise });
		expect(
			optionsFromParameters(imageParameters(result, pipeline)).given,
		).toEqual(["initialNoise"]);
	});
});

describe("models", () => {
	test("of half precision draw the same: every weight of the test model is an fp16 number", async () => {
		const half = await loadPipeline(tinySd, { threads: 1, variant: "fp16" });
		const expected = latents(await one(pipeline, short));
		const actual = latents(await one(half, short));
		expect(relativeError(actual, expected)).toBeLessThan(1e-5);
		expect(half.hash).not.toBe(pipeline.hash);
	});

	test("in a single file draw what their folder draws", async () => {
		const single = await loadPipeline(
			join(models, "tiny-sd.single.safetensors"),
			{ threads: 1, config: tinySd },
		);
		const folder = await loadPipeline(tinySd, { threads: 1, variant: "fp16" });
		const options = { ...short, clipSkip: 1 };
		const [a, b] = [await one(single, options), await one(folder, options)];
		// the folder's text encoder and VAE are float32, the file's are fp16
		expect(relativeError(latents(a), latents(b))).toBeLessThan(0.01);
		expect(a.settings.sampler.name).toBe(b.settings.sampler.name);
	});

	test("of SD 2.x's shapes (sharded, v prediction, tokenizer.json) draw too", async () => {
		const second = await loadPipeline(tinySd2, { threads: 1 });
		const { image, settings } = await one(second, {
			...short,
			steps: 2,
			keySteps: "0",
		});
		expect([image.width, image.height]).toEqual([64, 64]);
		expect(new Set(image.data).size).toBeGreaterThan(16);
		expect(settings.sampler.name).toBe("dpm-solver++");
	});
});
