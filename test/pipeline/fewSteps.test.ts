import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { GenerateOptions } from "../../src/pipeline/options.js";
import { createPipeline, type Pipeline } from "../../src/pipeline/pipeline.js";
import { stepCosts } from "../../src/pipeline/stepCosts.js";
import { onnxRuntime } from "../../src/runtime/onnxruntime/nodeOnnxRuntime.js";
import { openNodeAdapterFile } from "../../src/weights/adapters/nodeAdapterFile.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { readGolden, relativeError } from "../goldenFile.js";
import { latents, models, tinyLcm, tinySd } from "./tinyModels.js";

// Made by test/reference/few_steps.py.
interface Case {
	readonly name: string;
	/** The model's scheduler_config.json. */
	readonly scheduler: object;
	readonly lora: boolean;
	/** Whether guidance was distilled into the UNet. */
	readonly distilled: boolean;
	readonly options: GenerateOptions;
}
const { cases } = JSON.parse(
	readFileSync(
		join(import.meta.dirname, "..", "golden", "few_steps.json"),
		"utf8",
	),
) as { cases: Case[] };
const golden = readGolden("few_steps");
const size = { width: 64, height: 64 };
const loras = [{ path: join(models, "tiny-adapters", "peft.safetensors") }];

let folder: string;
let lcm: Pipeline;
beforeAll(async () => {
	const { scheduler } = cases.find(({ distilled }) => distilled)!;
	folder = tinyLcm(scheduler);
	lcm = await loadPipeline(folder, { threads: 1 });
});
afterAll(async () => {
	await lcm.release();
	rmSync(folder, { recursive: true });
});

test.each(cases)("$name: latents are those of diffusers", async (run) => {
	const pipeline = run.distilled
		? lcm
		: createPipeline(
				{ ...(await openModel(tinySd)), scheduler: { config: run.scheduler } },
				onnxRuntime,
				{ threads: 1, openAdapterFile: (path) => openNodeAdapterFile(path) },
			);
	const options = {
		...run.options,
		...size,
		...(run.lora && { loras }),
	};
	const { sampler } = pipeline.settings(options);
	expect(Float32Array.from(sampler.timesteps)).toEqual(
		golden.get(`${run.name}.timesteps`)?.data,
	);
	const [image] = await pipeline.generate(options);
	if (!run.distilled) await pipeline.release();
	expect(
		relativeError(latents(image), golden.get(run.name)?.data ?? []),
	).toBeLessThan(1e-5);
});

test("a model that guidance was distilled into runs once an image, and follows the scale", async () => {
	const run = { prompt: "a red apple", ...size, seed: 1, steps: 2 };
	const plain = await loadPipeline(tinySd, { threads: 1 });
	const [half] = await plain.generate({ ...run, guidanceScale: 1 });
	await plain.release();
	const [weak] = await lcm.generate({ ...run, guidanceScale: 2 });
	const [strong] = await lcm.generate({ ...run, numImages: 1 });
	expect(strong.settings.guidanceScale).toBe(8.5);
	expect(strong.settings.sampler.name).toBe("lcm");
	expect(latents(strong)).not.toEqual(latents(weak));
	// the one layer more is next to nothing
	expect(weak.cost.flops / half.cost.flops).toBeCloseTo(1, 3);
	// and is said to
	const costs = stepCosts(lcm, lcm.settings({ ...run, guidanceScale: 2 }));
	expect(2 * costs.full).toBe(weak.cost.flops);
});

test("its decoder half follows the scale too where the encoder half is left out", async () => {
	const run = { prompt: "a red apple", ...size, seed: 1, steps: 4 };
	const keySteps = [0, 2];
	const [weak] = await lcm.generate({ ...run, keySteps, guidanceScale: 2 });
	const [strong] = await lcm.generate({ ...run, keySteps, guidanceScale: 9 });
	expect(weak.cost.encoderRuns).toBe(2);
	expect(latents(strong)).not.toEqual(latents(weak));
});
