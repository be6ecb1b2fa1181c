import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { crossAttentionGate } from "../../src/accelerators/crossAttentionGate.js";
import { tokenMerging } from "../../src/accelerators/tokenMerging.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { torchCpuNormal } from "../../src/random/torchCpuNormal.js";
import { readGolden, relativeError } from "../goldenFile.js";

interface Case {
	name: string;
	model: string;
	sampler: string;
	steps: number;
	guidanceScale: number;
	width: number;
	height: number;
	seeds: number[];
	tgate?: { gateStep: number };
	tome?: { ratio: number; seed: number };
	keySteps?: number[];
}

const root = join(import.meta.dirname, "..");
const { prompt, negativePrompt, cases } = JSON.parse(
	readFileSync(join(root, "golden", "comparators.json"), "utf8"),
) as { prompt: string; negativePrompt: string; cases: Case[] };

/** golden by test/reference/comparators.py */
describe("final latents are those of the reference over diffusers' UNet", () => {
	const golden = readGolden("comparators");
	const pipelines = new Map<string, Pipeline>();
	beforeAll(async () => {
		for (const model of ["tiny-sd", "tiny-sd2"])
			pipelines.set(
				model,
				await loadPipeline(join(root, "models", model), { threads: 1 }),
			);
	});
	afterAll(async () => {
		for (const pipeline of pipelines.values()) await pipeline.release();
	});

	async function finalLatents(
		run: Case,
		maxDecodeBatch = 1,
	): Promise<Float32Array> {
		const { width, height, seeds } = run;
		const dims = [4, height / 8, width / 8];
		const size = dims.reduce((a, b) => a * b);
		const images = await pipelines.get(run.model)!.generate({
			prompt,
			negativePrompt,
			sampler: run.sampler,
			steps: run.steps,
			guidanceScale: run.guidanceScale,
			width,
			height,
			maxDecodeBatch,
			keySteps: run.keySteps?.join() ?? "all",
			injectNoise: 0,
			numImages: seeds.length,
			batchSize: seeds.length,
			initialNoise: {
				dims: [seeds.length, ...dims],
				data: Float32Array.from(
					seeds.flatMap((seed) => [
						...torchCpuNormal(BigInt(seed)).normal(size),
					]),
				),
			},
			denoiser: run.tgate
				? crossAttentionGate(run.tgate)
				: run.tome && tokenMerging(run.tome),
		});
		return Float32Array.from(
			images.flatMap(({ latents }) => [...latents.data]),
		);
	}

	test.each(cases.map((run) => [run.name, run] as const))(
		"%s",
		async (name, run) => {
			const error = relativeError(
				await finalLatents(run),
				golden.get(name)!.data,
			);
			expect(error).toBeLessThan(1e-5);
		},
	);

	test("merged steps decoded in batches are those decoded one by one", async () => {
		const run = cases.find(({ name }) => name === "tome-propagated")!;
		expect(
			relativeError(await finalLatents(run, 8), golden.get(run.name)!.data),
		).toBeLessThan(1e-5);
	});
});
