import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
	type DenoiseOptions,
	denoise,
	denoised,
} from "../../src/pipeline/denoise.js";
import type { DenoisingStep } from "../../src/pipeline/denoisingLoop.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { createPipeline, type Pipeline } from "../../src/pipeline/pipeline.js";
import { planFrom } from "../../src/propagation/planFrom.js";
import { parseKeySteps } from "../../src/propagation/planStates.js";
import type { UnetRunner } from "../../src/propagation/unetRunner.js";
import { relativeError } from "../../src/tensor/relativeError.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { eventsOf, latents, tinySd, watchedEngine } from "./tinyModels.js";

let pipeline: Pipeline;
beforeAll(async () => {
	pipeline = await loadPipeline(tinySd, { threads: 1 });
});
afterAll(() => pipeline.release());

const size = { width: 64, height: 64 };

/** What a run of `steps` steps is made of, with noise drawn anew for each. */
async function run(
	sampler: string,
	steps: number,
	keySteps = "all",
): Promise<DenoiseOptions> {
	const settings = pipeline.settings({
		prompt: "a red apple",
		...size,
		sampler,
		steps,
		seed: 3,
		keySteps,
	});
	const [{ initialNoise }] = await pipeline.generate({
		prompt: "",
		...size,
		steps: 1,
		seed: 3,
	});
	return {
		...settings,
		conditioning: await pipeline.encodePrompts(settings),
		initialNoise,
		noise: () => {
			throw new Error("no noise was to be drawn");
		},
	};
}

describe("a run may start at any step", () => {
	test.each([
		["ddim", "all"],
		["euler", "all"],
		["dpm-solver++", "all"],
		["unipc", "all"],
		["ddim", "0,3,10,14"],
	])(
		"%s, key steps %s: ten steps and then the other ten are the twenty",
		async (name, keySteps) => {
			const options = await run(name, 20, keySteps);
			const steps: DenoisingStep[] = [];
			const whole = await denoised(pipeline.denoise(options), (step) =>
				steps.push(step),
			);
			const half = steps[9];
			const rest = await denoised(
				pipeline.denoise({
					...options,
					start: 10,
					latents: half.latents,
					samplerState: half.samplerState,
				}),
			);
			expect(rest.latents).toEqual(whole.latents);
			expect(rest.cost.evaluations).toBe(10);
			expect(rest.cost.keySteps).toEqual(
				whole.cost.keySteps.filter((index) => index >= 10),
			);
		},
	);

	test("in the middle of a segment, with the whole network", async () => {
		const options = await run("ddim", 6, "0,4");
		const { cost } = await denoised(
			pipeline.denoise({
				...options,
				start: 2,
				latents: options.initialNoise,
			}),
		);
		expect(cost.keySteps).toEqual([2, 4]);
		expect(cost.evaluations).toBe(4);
		const plan = parseKeySteps("0,4", 6);
		expect(planFrom(plan, 2).states.map((state) => state.run)).toEqual([
			...["full", "decoder", "full", "decoder", "full", "decoder"],
		]);
		expect(planFrom(plan, 4)).toBe(plan);
		for (const start of [-1, 6, 1.5])
			expect(() => planFrom(plan, start)).toThrow(RangeError);
	});
});

test("what is put in place of a step's latents is what the run goes on with", async () => {
	const options = await run("ddim", 4);
	const masked = new Float32Array(256).fill(0.25);
	const steps: DenoisingStep[] = [];
	const { latents: last } = await denoised(
		pipeline.denoise({
			...options,
			afterStep: (own, index) => (index === 1 ? masked : own),
		}),
		(step) => steps.push(step),
	);
	expect(steps[1].latents.data).toBe(masked);
	const rest = await denoised(
		pipeline.denoise({
			...options,
			start: 2,
			latents: tensor([1, 4, 8, 8], masked),
		}),
	);
	expect(rest.latents).toEqual(last);
});

test("extra channels stand behind the latents in what the network sees", async () => {
	const seen: Tensor[] = [];
	const unet: UnetRunner = {
		skipCount: 1,
		async run(part, { sample, timestep }) {
			if (sample) seen.push(sample);
			const outputs: Record<string, Tensor> = {};
			if (part.decoder !== "none")
				outputs.prediction = tensor([timestep.dims[0], 4, 8, 8]);
			return outputs;
		},
		flops: () => 1,
	};
	const options = await run("ddim", 2);
	const extraChannels = tensor([1, 5, 8, 8]);
	extraChannels.data.fill(7);
	await denoised(
		denoise({ unet, waitedSeconds: () => 0 }, { ...options, extraChannels }),
	);
	const plane = 64;
	expect(seen.map(({ dims }) => dims)).toEqual([
		[2, 9, 8, 8],
		[2, 9, 8, 8],
	]);
	for (const { data } of seen)
		for (const row of [0, 1]) {
			const own = data.subarray(row * 9 * plane, (row + 1) * 9 * plane);
			expect(own.subarray(4 * plane).every((value) => value === 7)).toBe(true);
			expect(own.subarray(0, 4 * plane).some((value) => value === 7)).toBe(
				false,
			);
		}
});

describe("networks", () => {
	const options = {
		prompt: "a red apple",
		...size,
		steps: 3,
		seed: 3,
		keySteps: "0",
		maxDecodeBatch: 3,
	};

	test("run no more samples at once than maxRows", async () => {
		const batches: number[] = [];
		const { engine } = watchedEngine();
		const split = createPipeline(
			await openModel(tinySd),
			{
				...engine,
				async createSession(...given) {
					const session = await engine.createSession(...given);
					return {
						...session,
						run(inputs) {
							if (inputs.timestep) batches.push(inputs.timestep.dims[0]);
							return session.run(inputs);
						},
					};
				},
			},
			{ threads: 1, maxRows: 1 },
		);
		const [one] = await split.generate(options);
		// one key step and three decoder steps, guided
		expect(batches).toEqual(new Array(8).fill(1));
		const [together] = await pipeline.generate(options);
		expect(relativeError(latents(one), latents(together))).toBeLessThan(1e-5);
		expect(one.cost.flops).toBe(together.cost.flops);
		await split.release();
	});

	test("are one, in whatever order the properties of a part were written", async () => {
		const { engine, everLoaded } = watchedEngine();
		const own = createPipeline(await openModel(tinySd), engine);
		const settings = own.settings(options);
		const { positive } = await own.encodePrompts(settings);
		const inputs = {
			sample: tensor([1, 4, 8, 8]),
			timestep: tensor([1]),
			...positive,
		};
		const at = { indices: [0] };
		await own.unet.run({ encoder: "full", decoder: "full" }, inputs, at);
		await own.unet.run(
			{ decoder: "full", encoder: "full", observe: undefined },
			inputs,
			at,
		);
		expect(everLoaded).toHaveLength(2);
		await own.release();
	});
});

test("tiles may be chosen, and an abort is heard between them", async () => {
	const { engine } = watchedEngine();
	const tiles: (readonly number[])[] = [];
	const controller = new AbortController();
	const own = createPipeline(await openModel(tinySd), {
		...engine,
		async createSession(...given) {
			const session = await engine.createSession(...given);
			return {
				...session,
				run(inputs) {
					if (inputs.latents) tiles.push(inputs.latents.dims);
					if (tiles.length === 3) controller.abort(new Error("enough"));
					return session.run(inputs);
				},
			};
		},
	});
	const choice = { tiledDecoding: true, tiling: { tile: 8, overlap: 0 } };
	const noise = tensor([1, 4, 16, 16]);
	const [image] = await own.decode(noise, choice);
	// the first is the whole picture drawn small, for its norms
	expect(tiles).toEqual(new Array(5).fill([1, 4, 8, 8]));
	expect([image.width, image.height]).toEqual([128, 128]);
	tiles.length = 0;
	await expect(
		own.decode(noise, { ...choice, signal: controller.signal }),
	).rejects.toThrow("enough");
	const second = new AbortController();
	tiles.length = 0;
	const drawing = own.generate({
		prompt: "",
		width: 128,
		height: 128,
		steps: 1,
		tiledDecoding: true,
		signal: second.signal,
	});
	second.abort(new Error("at once"));
	await expect(drawing).rejects.toThrow("at once");
	expect(tiles).toEqual([]);
	await own.release();
});

test("every event is data that can be cloned", async () => {
	const events = await eventsOf(
		pipeline.stream({ prompt: "x", ...size, steps: 2, seed: 1 }),
	);
	expect(structuredClone(events)).toEqual(events);
});

test("wrong options are said at the call of stream, not when it is first read", () => {
	expect(() => pipeline.stream({ prompt: "x", steps: 0 })).toThrow(/steps/);
});
