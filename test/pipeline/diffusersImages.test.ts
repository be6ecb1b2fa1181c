import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { readGolden, relativeError } from "../goldenFile.js";
import { differences, tinySd } from "./tinyModels.js";

interface Case {
	sampler: string;
	eta?: number;
	steps: number;
	guidanceScale: number;
	width: number;
	height: number;
	seed: number;
}

const table = <T>(name: string) =>
	JSON.parse(
		readFileSync(
			join(import.meta.dirname, "..", "golden", `${name}.json`),
			"utf8",
		),
	) as T & { prompt: string; negativePrompt: string };

/** The options of a case, which also has the names of its tensors. */
const optionsOf = ({
	sampler,
	eta,
	steps,
	guidanceScale,
	width,
	height,
	seed,
}: Case): Case => ({ sampler, eta, steps, guidanceScale, width, height, seed });

let pipeline: Pipeline;
beforeAll(async () => {
	pipeline = await loadPipeline(tinySd, { threads: 1 });
});

/** Rounding to 8 bits may fall to the other side where the networks differ by float rounding: by 1, and rarely. */
function expectSamePicture(
	actual: ArrayLike<number>,
	expected: ArrayLike<number>,
): void {
	const { largest, differing } = differences(actual, expected);
	expect(largest).toBeLessThanOrEqual(1);
	expect(differing / expected.length).toBeLessThan(0.001);
}

/** golden by test/reference/propagation.py: StableDiffusionPipeline with no generator list. */
describe("images are those of diffusers' StableDiffusionPipeline", () => {
	const golden = readGolden("propagation");
	const { images, prompt } = table<{ images: Case[] }>("propagation");
	test.each(images.map((run, n) => ({ ...run, n })))(
		"$sampler, $steps steps, $width x $height",
		async (run) => {
			const [{ image }] = await pipeline.generate({
				...optionsOf(run),
				prompt,
				keySteps: "all",
			});
			expect([image.height, image.width]).toEqual([run.height, run.width]);
			expectSamePicture(image.data, golden.get(`image/${run.n}`)!.data);
		},
	);
});

/** golden by test/reference/stochastic.py: two images, each with a generator of its own. */
describe("two images of seeds s and s + 1 are those of diffusers with a list of generators", () => {
	const golden = readGolden("stochastic");
	const { cases, prompt, negativePrompt } = table<{ cases: Case[] }>(
		"stochastic",
	);
	test.each(cases)("$sampler", async (run) => {
		for (const batchSize of [1, 2]) {
			const results = await pipeline.generate({
				...optionsOf(run),
				prompt,
				negativePrompt,
				keySteps: "all",
				numImages: 2,
				batchSize,
			});
			expect(results.map(({ index }) => index)).toEqual([0, 1]);
			expect(results.map(({ seed }) => seed)).toEqual([run.seed, run.seed + 1]);
			const join = (of: (n: number) => ArrayLike<number>) => [
				...Array.from(of(0)),
				...Array.from(of(1)),
			];
			expect(
				relativeError(
					join((n) => results[n].latents.data),
					golden.get(`${run.sampler}/latents`)!.data,
				),
			).toBeLessThan(1e-5);
			expectSamePicture(
				join((n) => results[n].image.data),
				golden.get(`${run.sampler}/images`)!.data,
			);
		}
	});
});
