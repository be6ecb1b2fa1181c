import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { GenerateOptions } from "../../src/pipeline/options.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { readGolden, relativeError } from "../goldenFile.js";
import { latents, models, tinySd } from "./tinyModels.js";

const adapters = join(models, "tiny-adapters");

interface Case {
	readonly name: string;
	readonly prompt: string;
	readonly negativePrompt: string;
	readonly seed: number;
	readonly loras?: readonly { file: string; weight?: number }[];
	readonly embeddings?: readonly { file: string }[];
}

const { cases, steps, guidanceScale, width, height } = JSON.parse(
	readFileSync(
		join(import.meta.dirname, "..", "golden", "adapters.json"),
		"utf8",
	),
) as { cases: Case[] } & Record<
	"steps" | "guidanceScale" | "width" | "height",
	number
>;

const optionsOf = ({ name: _, ...run }: Case): GenerateOptions => ({
	prompt: run.prompt,
	negativePrompt: run.negativePrompt,
	seed: run.seed,
	loras: run.loras?.map(({ file, weight }) => ({
		path: join(adapters, file),
		weight,
	})),
	embeddings: run.embeddings?.map(({ file }) => ({
		path: join(adapters, file),
	})),
	sampler: "ddim",
	keySteps: "all",
	steps,
	guidanceScale,
	width,
	height,
});

/** Each kind is folded into weights that are read and into weights that stay in their files; every file of a kind into those that are read. */
const ofEachKind = new Set([
	...["plain", "kohya 0.6", "dora", "loha-tucker", "lokr-both"],
	...["differences", "embeddings 30"],
]);
const casesOf = (optimization: string) =>
	optimization === "all" || process.env.FDIFF_TEST_ALL !== undefined
		? cases
		: cases.filter(({ name }) => ofEachKind.has(name));

/** golden by test/reference/adapters.py: diffusers with PEFT, and LyCORIS' formulas. */
describe.each(["extended", "all"] as const)(
	"latents are those of diffusers with the same adapters, optimization %s",
	(optimization) => {
		const golden = readGolden("adapters");
		let pipeline: Pipeline;
		beforeAll(async () => {
			pipeline = await loadPipeline(tinySd, { threads: 1, optimization });
		});
		afterAll(() => pipeline.release());
		test.each(casesOf(optimization))("$name", async (run) => {
			const [image] = await pipeline.generate(optionsOf(run));
			const expected = golden.get(run.name)?.data ?? [];
			expect(relativeError(latents(image), expected)).toBeLessThan(1e-5);
			if (!run.loras) return;
			const [plain] = await pipeline.generate({
				...optionsOf(run),
				loras: undefined,
			});
			expect(relativeError(latents(plain), expected)).toBeGreaterThan(0.01);
		});
	},
);
