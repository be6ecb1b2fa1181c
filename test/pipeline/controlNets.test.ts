import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { optionsFromParameters } from "../../src/pipeline/imageParameters.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { GenerateOptions } from "../../src/pipeline/options.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { createPipeline } from "../../src/pipeline/pipeline.js";
import { openNodeWeightFile } from "../../src/weights/formats/nodeModelFolder.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { controlNetPart } from "../../src/weights/parts/controlNetPart.js";
import { openNodePart } from "../../src/weights/parts/nodeOpenPart.js";
import { readGolden, relativeError } from "../goldenFile.js";
import { models, tinySd, tinySd2, watchedEngine } from "./tinyModels.js";

interface Case {
	name: string;
	kind: "text" | "img2img" | "inpaint";
	nets: number;
	sampler: string;
	options: object;
	steps: number;
	guidanceScale: number;
	controlScale: number | number[];
	controlStart: number | number[];
	controlEnd: number | number[];
	strength: number | null;
	seed: number;
}

const golden = readGolden("control_nets");
const { cases, prompt, negativePrompt } = JSON.parse(
	readFileSync(
		join(import.meta.dirname, "..", "golden", "control_nets.json"),
		"utf8",
	),
) as { cases: Case[]; prompt: string; negativePrompt: string };

const size = { width: 96, height: 64 };
const bytes = (name: string) => golden.get(name)!.data as Uint8Array;
const image = { ...size, data: bytes("image") };
const edges = { ...size, data: bytes("edges") };
const initImage = { ...size, data: bytes("init") };
const mask = {
	...size,
	data: Uint8Array.from(
		{ length: 3 * 96 * 64 },
		(_, i) => bytes("mask")[Math.floor(i / 3)],
	),
};
const nets = ["tiny-control", "tiny-control2"].map((name) =>
	join(models, name),
);

let one: Pipeline;
let two: Pipeline;
beforeAll(async () => {
	one = await loadPipeline(tinySd, { threads: 1, controlnet: nets[0] });
	two = await loadPipeline(tinySd, { threads: 1, controlnet: nets });
});
afterAll(() => Promise.all([one.release(), two.release()]));

function optionsOf(run: Case): GenerateOptions {
	const { kind, nets: count, strength, options, name: _, ...rest } = run;
	return {
		...rest,
		...size,
		prompt,
		negativePrompt,
		schedulerConfig: options,
		keySteps: "all",
		controlImage: count === 1 ? image : [image, edges],
		...(kind !== "text" && { initImage, strength: strength! }),
		...(kind === "inpaint" && { mask }),
	};
}

/** golden by test/reference/control_nets.py */
describe("final latents are those of diffusers' pipelines with control nets", () => {
	test.each(cases)("$name", async (run) => {
		const pipeline = run.nets === 1 ? one : two;
		const [result] = await pipeline.generate(optionsOf(run));
		const expected = golden.get(`${run.name}/latents`)!;
		expect(result.latents.dims).toEqual(expected.dims);
		expect(relativeError(result.latents.data, expected.data)).toBeLessThan(
			5e-5,
		);
	});
});

const few: GenerateOptions = {
	...size,
	prompt,
	steps: 8,
	seed: 3,
	controlImage: image,
};

async function watched(more: Partial<GenerateOptions>, maxRows?: number) {
	const watch = watchedEngine();
	let runs = 0;
	const engine: typeof watch.engine = {
		...watch.engine,
		async createSession(graph, options) {
			const session = await watch.engine.createSession(graph, options);
			return session.inputs.includes("hint")
				? {
						...session,
						run: (inputs) => {
							runs++;
							return session.run(inputs);
						},
					}
				: session;
		},
	};
	const pipeline = createPipeline(
		{ ...(await openModel(tinySd)), hash: "0000000000" },
		engine,
		{
			threads: 1,
			maxRows,
			openWeightFile: openNodeWeightFile,
			controlNets: [controlNetPart(await openNodePart(nets[0]))],
		},
	);
	const [result] = await pipeline.generate({ ...few, ...more });
	await pipeline.release();
	return { result, runs };
}

describe("control nets run when the encoder half of the UNet runs", () => {
	test("at every step of plain sampling", async () => {
		const { result, runs } = await watched({ keySteps: "all" });
		expect(runs).toBe(8);
		expect(result.cost.encoderRuns).toBe(8);
	});

	test("at key steps alone of encoder propagation, and cost as much less", async () => {
		const plain = await watched({ keySteps: "all" });
		const { result, runs } = await watched({ keySteps: [0, 1, 4] });
		expect(runs).toBe(3);
		expect(result.cost.encoderRuns).toBe(3);
		const alone = await loadPipeline(tinySd, { threads: 1 });
		const { controlImage: _, ...without } = few;
		const costs = await Promise.all(
			["all", [0, 1, 4]].map(async (keySteps) => {
				const [{ cost }] = await alone.generate({
					...without,
					keySteps: keySteps as never,
				});
				return cost.flops;
			}),
		);
		await alone.release();
		const nets = plain.result.cost.flops - costs[0];
		expect(nets).toBeGreaterThan(0.1 * costs[0]);
		expect(result.cost.flops - costs[1]).toBeCloseTo((nets * 3) / 8, -3);
	});

	test("not where their scale is 0 or their share of the steps is over", async () => {
		expect((await watched({ controlScale: 0, keySteps: "all" })).runs).toBe(0);
		expect((await watched({ controlEnd: 0.5, keySteps: "all" })).runs).toBe(4);
	});

	test("in as many runs as rows are split into, with the same image", async () => {
		const whole = await watched({ keySteps: "all" });
		const split = await watched({ keySteps: "all" }, 1);
		expect(split.runs).toBe(16);
		expect(
			relativeError(split.result.latents.data, whole.result.latents.data),
		).toBeLessThan(1e-5);
	});

	test.each([
		"deepcache:3:4",
		"tgate:3",
		"tome:0.5",
		"ucache",
		"easycache",
		"cfg-cutoff:0.5",
		"paper+tome",
	])("with %s, and change the image", async (keySteps) => {
		const [steered] = await one.generate({ ...few, steps: 20, keySteps });
		const [unsteered] = await one.generate({
			...few,
			steps: 20,
			keySteps,
			controlScale: 0,
		});
		expect(
			relativeError(steered.latents.data, unsteered.latents.data),
		).toBeGreaterThan(0.01);
	});
});

test("DeepCache's steps between reuse what the control net gave", async () => {
	const { runs } = await watched({ keySteps: "deepcache:3:4" });
	expect(runs).toBeLessThan(8);
});

test("images of a batch are those drawn alone; at a larger size the net sees its picture anew", async () => {
	const run = { ...few, hires: 2, keySteps: "all" } as const;
	const [, second] = await one.generate({ ...run, numImages: 2, batchSize: 2 });
	const [alone] = await one.generate({ ...run, seed: 4 });
	expect(second.image.width).toBe(192);
	expect(relativeError(second.latents.data, alone.latents.data)).toBeLessThan(
		1e-5,
	);
});

test("parameters say it under A1111's names, and are read again", async () => {
	const [result] = await two.generate({
		...few,
		controlImage: [image, edges],
		controlScale: [0.5, 1],
		controlEnd: 0.8,
		controlEdges: [[100, 200], "none"],
		steps: 2,
		keySteps: "all",
	});
	expect(result.parameters).toContain(
		'ControlNet 0: "Module: canny, Model: tiny-control, Weight: 0.5, Threshold A: 100, Threshold B: 200, Guidance Start: 0, Guidance End: 0.8, Control Mode: Balanced"',
	);
	const read = optionsFromParameters(result.parameters);
	expect(read.warnings).toEqual([]);
	expect(read.given).toContain("controlImage");
	expect(read.options).toMatchObject({
		controlScale: [0.5, 1],
		controlStart: [0, 0],
		controlEnd: [0.8, 0.8],
		controlEdges: [[100, 200], "none"],
	});
	expect(JSON.stringify(result)).not.toContain('"controlImage"');
});

describe("what does not fit is one line that names the option", () => {
	test.each<[string, Partial<GenerateOptions>, RegExp]>([
		[
			"no picture",
			{ controlImage: undefined },
			/controlImage: there are 0 pictures for 1 control net;/,
		],
		[
			"two pictures",
			{ controlImage: [image, edges] },
			/controlImage: there are 2 pictures for 1 control net;/,
		],
		[
			"scale",
			{ controlScale: 11 },
			/controlScale: 11 is not a number from 0 to 10/,
		],
		[
			"one scale of a list",
			{ controlScale: [99] },
			/controlScale: 99 is not a number from 0 to 10$/,
		],
		[
			"values",
			{ controlScale: [1, 1] },
			/controlScale: there are 2 values for 1 control nets/,
		],
		[
			"order",
			{ controlStart: 0.5, controlEnd: 0.4 },
			/controlStart: 0.5 is not before the end, 0.4/,
		],
		[
			"thresholds",
			{ controlEdges: [200, 100] },
			/controlEdges: the low threshold, 200/,
		],
		[
			"no image",
			{ controlImage: {} as never },
			/controlImage: .* is not a picture/,
		],
	])("%s", (_, more, message) => {
		const options = { ...few, ...more };
		let error: unknown;
		try {
			one.settings(options);
		} catch (thrown) {
			error = thrown;
		}
		expect(String(error)).toMatch(message);
		expect(String(error)).not.toContain("\n");
	});

	test("scales without pictures, pictures without nets", async () => {
		const plain = await loadPipeline(tinySd, { threads: 1 });
		const { controlImage: _, ...without } = few;
		expect(() => plain.settings({ ...without, controlScale: 1 })).toThrow(
			/controlScale: there is no picture for a control net/,
		);
		expect(() => plain.settings(few)).toThrow(
			/controlImage: there is no control net to show it to/,
		);
	});

	test("a net for other models, a whole model, none", async () => {
		await expect(
			loadPipeline(tinySd2, { controlnet: nets[0] }),
		).rejects.toThrow(/controlnet: .*tiny-control is for/);
		await expect(
			loadPipeline(tinySd, {
				controlnet: join(models, "tiny-sd.single.safetensors"),
			}),
		).rejects.toThrow(/controlnet: .* is no control net/);
		await expect(
			loadPipeline(tinySd, { controlnet: join(models, "none") }),
		).rejects.toThrow(/controlnet: .* there is no such folder, file or Hub id/);
	});
});
