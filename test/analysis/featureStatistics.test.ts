import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import {
	changeRows,
	csv,
	measureArray,
	pairArray,
} from "../../src/analysis/analysisTables.js";
import {
	type Analysis,
	analyzePrompts,
} from "../../src/analysis/analyzePrompts.js";
import { blockAccumulator } from "../../src/analysis/blockStatistics.js";
import { watchedBlocks } from "../../src/analysis/blocks.js";
import { observingDenoiser } from "../../src/analysis/observingDenoiser.js";
import { countSketch } from "../../src/analysis/sketch.js";
import { verdict, verdictSentence } from "../../src/analysis/verdict.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { checkStudied } from "../../src/pipeline/studied.js";

const tiny = join(import.meta.dirname, "..", "models", "tiny-sd");

const distance = (a: Float32Array, b: Float32Array) =>
	Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0));

describe("features of the tiny model", () => {
	let pipeline: Pipeline;
	let analysis: Analysis;
	/** Every step's output of one block, kept whole for comparison. */
	const kept = new Map<string, Float32Array[]>();
	beforeAll(async () => {
		pipeline = await loadPipeline(tiny, {
			threads: 1,
			optimization: "extended",
		});
		const request = { sampler: "ddim", steps: 5, seed: 3n };
		analysis = await analyzePrompts(pipeline, {
			prompts: ["a red apple", "a bowl of ramen"],
			request,
			shown: 3,
		});
		const blocks = watchedBlocks(pipeline.unetConfig);
		await pipeline.generate({
			...request,
			prompt: "a red apple",
			keySteps: "all",
			denoiser: observingDenoiser(blocks, (_, outputs) => {
				for (const { name } of blocks) {
					const { data } = outputs[name];
					kept.set(name, [
						...(kept.get(name) ?? []),
						data.slice(data.length / 2),
					]);
				}
			}),
		});
	});

	test("changes, norms and similarities are those of the features kept whole", () => {
		for (const { name, statistics } of analysis.blocks) {
			const [own] = statistics.conditional ?? [];
			const features = kept.get(name)!;
			for (let i = 1; i < 5; i++) {
				const norm = (n: number) => Math.hypot(...features[n]);
				const change = distance(features[i], features[i - 1]);
				expect(own.norm[i]).toBeCloseTo(norm(i), 3);
				expect(own.relativeChange[i]).toBeCloseTo(change / norm(i - 1), 5);
				expect(own.meanSquaredDifference[i]).toBeCloseTo(
					change ** 2 / features[i].length,
					4,
				);
				const dot = features[i].reduce(
					(sum, value, n) => sum + value * features[0][n],
					0,
				);
				// features of the tiny model are at most a few sketches long
				expect(own.similarity[i * 5]).toBeCloseTo(dot / norm(i) / norm(0), 1);
			}
		}
	});

	test("the sketch keeps distances of real features within its stated error", () => {
		for (const features of kept.values()) {
			if (features[0].length <= 256) continue;
			const errors: number[] = [];
			for (let seed = 1; seed <= 20; seed++) {
				const sketch = countSketch(features[0].length, 256, seed);
				const [first, last] = [features[0], features[4]].map(sketch.apply);
				errors.push(
					distance(first, last) / distance(features[0], features[4]) - 1,
				);
			}
			const spread = Math.hypot(...errors) / Math.sqrt(errors.length);
			// sqrt(2 / 256) of the square is half of it of the distance; features are no white noise, hence the room
			expect(spread).toBeLessThan(2 * 0.5 * Math.sqrt(2 / 256));
			expect(spread).toBeGreaterThan(0);
		}
	});

	test("the watched outputs are those of an unwatched plain run", async () => {
		const request = {
			prompt: "a red apple",
			sampler: "ddim",
			steps: 5,
			seed: 3n,
			keySteps: "all",
		};
		const [plain] = await pipeline.generate(request);
		const [watched] = await pipeline.generate({
			...request,
			denoiser: observingDenoiser([], () => {}),
		});
		expect(distance(plain.latents.data, watched.latents.data)).toBeLessThan(
			1e-3,
		);
	});

	test("tables and arrays hold every block, step, guidance half and prompt", () => {
		const blocks = analysis.blocks.length;
		expect(measureArray(analysis, "norm").dims).toEqual([2, 2, blocks, 5]);
		expect(pairArray(analysis, "similarity").dims).toEqual([2, blocks, 5, 5]);
		const rows = changeRows(analysis);
		expect(rows).toHaveLength(2 * blocks * (5 + 3 * 4));
		expect(csv(rows).split("\n")).toHaveLength(rows.length + 2);
		expect(rows.every(({ mean }) => Number.isFinite(mean))).toBe(true);
		expect(measureArray(analysis, "norm").data.every(Number.isFinite)).toBe(
			true,
		);
	});

	test("pictures and spectra are there for the steps that are shown", () => {
		expect(analysis.shownEvaluations).toEqual([0, 2, 4]);
		expect(analysis.predictedImages).toHaveLength(3);
		for (const { kind, pca, spectra, channels } of analysis.blocks) {
			expect(spectra).toHaveLength(kind === "block" ? 3 : 0);
			if (kind === "layer") continue;
			expect(pca?.pictures).toHaveLength(3);
			for (const component of pca?.components ?? []) {
				expect(component).toHaveLength(channels);
				expect(Math.hypot(...component)).toBeCloseTo(1, 6);
				// the sign is fixed by the largest loading
				expect(Math.max(...component)).toBeCloseTo(
					Math.max(...component.map(Math.abs)),
					12,
				);
			}
			const explained = pca?.explained ?? [];
			expect(explained.toSorted((a, b) => b - a)).toEqual(explained);
			expect(explained.reduce((a, b) => a + b, 0)).toBeLessThan(1.0001);
		}
	});
});

test("control nets and LoRAs that prompts name, which an analysis would pass over, are refused", async () => {
	const models = join(tiny, "..");
	const pipeline = await loadPipeline(tiny, {
		threads: 1,
		controlnet: join(models, "tiny-control"),
		loraDir: join(models, "tiny-adapters"),
	});
	const picture = { width: 8, height: 8, data: new Uint8Array(192) };
	const analyzed = (prompt: string, controlImage?: typeof picture) =>
		analyzePrompts(pipeline, {
			prompts: [prompt],
			shown: 1,
			request: { seed: 0n, controlImage },
		});
	await expect(analyzed("a", picture)).rejects.toThrow(/^controlImage: /);
	const settings = pipeline.settings({ prompt: "a", controlImage: picture });
	await expect(pipeline.encodePrompts(settings)).rejects.toThrow(
		/^controlImage: /,
	);
	const named = pipeline.settings({
		prompt: "a <lora:kohya:1>",
		controlImage: picture,
	});
	expect(() => checkStudied({ ...named, options: settings.options })).toThrow(
		/^controlImage: /,
	);
	const options = { ...settings.options, controlImage: undefined };
	expect(() => checkStudied({ ...named, options })).toThrow(/^prompt: /);
});

test("a plan, which an analysis decides itself, is refused, and so is a single step", async () => {
	const pipeline = await loadPipeline(tiny, { threads: 1 });
	await expect(
		analyzePrompts(pipeline, {
			prompts: ["a"],
			shown: 1,
			request: { seed: 0n, steps: 1 },
		}),
	).rejects.toThrow(/^steps: /);
	const request = { seed: 0n, keySteps: "uniform:2" };
	await expect(
		analyzePrompts(pipeline, { prompts: ["a"], shown: 1, request }),
	).rejects.toThrow(/^keySteps: /);
});

test("features that are not longer than the sketch are compared exactly", () => {
	const accumulator = blockAccumulator(3);
	for (const [n, values] of [
		[1, 0],
		[0, 2],
		[3, 0],
	].entries())
		accumulator.add(n, Float32Array.from(values));
	const { similarity, relativeDistance, relativeChange } = accumulator.finish();
	expect(similarity[2 * 3 + 0]).toBeCloseTo(1, 12);
	expect(similarity[1 * 3 + 0]).toBeCloseTo(0, 12);
	expect(relativeDistance[2 * 3 + 0]).toBeCloseTo(2, 12);
	expect(relativeChange[1]).toBeCloseTo(Math.sqrt(5), 12);
});

test("the verdict needs the whole interval on one side", () => {
	const twice = [1, 2, 3].map((encoder) => ({ encoder, decoder: 2 * encoder }));
	expect(verdict(twice).encoderChangesLess).toBe("yes");
	expect(verdict(twice).factor.estimate).toBeCloseTo(2, 12);
	const mixed = [
		{ encoder: 1, decoder: 3 },
		{ encoder: 3, decoder: 1 },
	];
	expect(verdict(mixed).encoderChangesLess).toBe("undecided");
	const less = { encoder: 2, decoder: 1 };
	expect(verdict([less, less]).encoderChangesLess).toBe("no");
	// of one prompt nothing is known but itself
	const single = verdict([less]);
	expect(single.encoderChangesLess).toBe("undecided");
	expect(verdictSentence(single, "change")).toMatch(
		/undecided .* is 0\.50 \(of one prompt, which has no interval/,
	);
});
