import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { crossAttentionGate } from "../../src/accelerators/crossAttentionGate.js";
import { easyCacheDenoiser } from "../../src/accelerators/easyCache.js";
import { guidanceCutoffDenoiser } from "../../src/accelerators/guidanceCutoff.js";
import { tokenMerging } from "../../src/accelerators/tokenMerging.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { GenerateOptions } from "../../src/pipeline/options.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { relativeError } from "../goldenFile.js";

const model = join(import.meta.dirname, "..", "models", "tiny-sd");
let pipeline: Pipeline;
beforeAll(async () => {
	pipeline = await loadPipeline(model, { threads: 1 });
});
afterAll(() => pipeline.release());

async function draw(options: Partial<GenerateOptions> = {}) {
	const [{ latents, cost }] = await pipeline.generate({
		prompt: "a wall",
		seed: 3,
		sampler: "ddim",
		steps: 8,
		width: 64,
		height: 64,
		keySteps: "all",
		...options,
	});
	return { latents: latents.data, flops: cost.flops };
}

describe("EasyCache", () => {
	test("that may skip nothing is plain sampling", async () => {
		expect(
			await draw({ denoiser: easyCacheDenoiser({ threshold: 0 }) }),
		).toEqual(await draw());
	});

	test("skips between its shares of the run, and no more than the threshold allows", async () => {
		const plain = await draw();
		const evaluation = plain.flops / 8;
		// 8 evaluations: 0 and 1 run (15 %), as does 7.6 on (95 %)
		const all = await draw({ denoiser: easyCacheDenoiser({ threshold: 1e9 }) });
		expect(all.flops / evaluation).toBeCloseTo(2, 6);
		const some = await draw({
			denoiser: easyCacheDenoiser({ threshold: 0.05 }),
		});
		expect(some.flops).toBeGreaterThan(all.flops);
		expect(some.flops).toBeLessThan(plain.flops);
		expect(distance(some.latents, plain.latents)).toBeLessThan(
			distance(all.latents, plain.latents),
		);
	});
});

describe("guidance cut-off", () => {
	test("at the end is plain sampling, at the start sampling without guidance", async () => {
		expect(
			await draw({ denoiser: guidanceCutoffDenoiser({ from: 1 }) }),
		).toEqual(await draw());
		expect(
			await draw({ denoiser: guidanceCutoffDenoiser({ from: 0 }) }),
		).toEqual(await draw({ guidanceScale: 1 }));
	});

	test("in the middle costs three quarters", async () => {
		const { flops } = await draw();
		const cut = await draw({ denoiser: guidanceCutoffDenoiser({ from: 0.5 }) });
		expect(cut.flops / flops).toBeCloseTo(0.75, 3);
	});

	test("with key steps waits for the next one", async () => {
		const keySteps = "0,2,6";
		const { flops } = await draw({ keySteps });
		const cut = await draw({
			keySteps,
			denoiser: guidanceCutoffDenoiser({ from: 0.5 }),
		});
		const late = await draw({
			keySteps,
			denoiser: guidanceCutoffDenoiser({ from: 0.75 }),
		});
		expect(cut).toEqual(late);
		expect(cut.flops).toBeLessThan(flops);
	});
});

describe("T-GATE", () => {
	test("at the end is plain sampling, to rounding", async () => {
		const plain = await draw();
		const gated = await draw({ denoiser: crossAttentionGate({ gateStep: 8 }) });
		expect(gated.flops).toBe(plain.flops);
		expect(relativeError(gated.latents, plain.latents)).toBeLessThan(1e-6);
	});

	test("costs less than guidance that ends with it, and by default ends it after 40 %", async () => {
		const cut = await draw({
			denoiser: guidanceCutoffDenoiser({ from: 3 / 8 }),
		});
		const gated = await draw({ denoiser: crossAttentionGate({ gateStep: 3 }) });
		expect(gated.flops).toBeLessThan(cut.flops);
		expect(gated.latents).not.toEqual(cut.latents);
		expect(await draw({ denoiser: crossAttentionGate({}) })).toEqual(gated);
	});
});

describe("ToMe", () => {
	const merged = (ratio: number, seed = 0) =>
		draw({ denoiser: tokenMerging({ ratio, seed }) });

	test("moves the image the further the more is merged, which costs the less", async () => {
		const plain = await draw();
		const [little, much] = [await merged(0.1), await merged(0.75)];
		const moved = distance(little.latents, plain.latents);
		expect(moved).toBeGreaterThan(0);
		expect(distance(much.latents, plain.latents)).toBeGreaterThan(moved);
		expect(much.flops).toBeLessThan(little.flops);
	});

	test("is repeated by its seed, and another one merges otherwise", async () => {
		const first = await merged(0.5, 3);
		expect(await merged(0.5, 3)).toEqual(first);
		expect((await merged(0.5, 4)).latents).not.toEqual(first.latents);
	});

	test("merges by a choice of its own at each evaluation, also where timesteps repeat", async () => {
		const choices: string[] = [];
		await draw({
			sampler: "heun",
			steps: 3,
			denoiser: (options) =>
				tokenMerging({ ratio: 0.5, seed: 0 })({
					...options,
					unet: {
						...options.unet,
						run(part, inputs, at) {
							if (part.encoder === "full")
								choices.push(inputs.merge_targets.data.join());
							return options.unet.run(part, inputs, at);
						},
					},
				}),
		});
		expect(choices).toHaveLength(5);
		expect(new Set(choices).size).toBe(5);
	});

	test("draws images in which there is nothing to merge", async () => {
		const size = { width: 8, height: 64 };
		expect(
			await draw({
				...size,
				denoiser: tokenMerging({ ratio: 0.5, seed: 0 }),
			}),
		).toEqual(await draw(size));
	});
});

function distance(a: Float32Array, b: Float32Array): number {
	return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0));
}
