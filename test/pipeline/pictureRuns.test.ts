import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { readGolden, relativeError } from "../goldenFile.js";
import {
	differences,
	models,
	pixels,
	tinyInpainting,
	tinySd,
} from "./tinyModels.js";

interface Case {
	name: string;
	kind: "img2img" | "inpaint" | "inpaint9" | "img2img-tiny" | "inpaint-tiny";
	sampler: string;
	steps: number;
	strength: number;
	guidanceScale: number;
	seed: number;
	scheduler: string;
	options: object;
}

const golden = readGolden("picture_runs");
const { cases, prompt, negativePrompt } = JSON.parse(
	readFileSync(
		join(import.meta.dirname, "..", "golden", "picture_runs.json"),
		"utf8",
	),
) as { cases: Case[]; prompt: string; negativePrompt: string };

const size = { width: 96, height: 64 };
const image = { ...size, data: golden.get("image")!.data as Uint8Array };
const grey = golden.get("mask")!.data;
const mask = {
	...size,
	data: Uint8Array.from(
		{ length: 3 * grey.length },
		(_, i) => grey[Math.floor(i / 3)],
	),
};

let plain: Pipeline;
let inpainting: Pipeline;
let tiny: Pipeline;
beforeAll(async () => {
	plain = await loadPipeline(tinySd, { threads: 1 });
	inpainting = await loadPipeline(tinyInpainting(), { threads: 1 });
	const vae = join(models, "tiny-taesd");
	tiny = await loadPipeline(tinySd, { threads: 1, vae });
});
afterAll(() =>
	Promise.all([plain, inpainting, tiny].map((one) => one.release())),
);

function optionsOf({ kind, name: _, scheduler: __, options, ...run }: Case) {
	return {
		...run,
		prompt,
		negativePrompt,
		schedulerConfig: options,
		keySteps: "all",
		...size,
		initImage: image,
		...(kind.startsWith("img2img") ? {} : { mask }),
	};
}

/** golden by test/reference/picture_runs.py */
describe("final latents are those of diffusers' pipelines that begin with a picture", () => {
	test.each(cases)("$name", async (run) => {
		const pipeline = run.kind.endsWith("-tiny")
			? tiny
			: run.kind === "inpaint9"
				? inpainting
				: plain;
		const [result] = await pipeline.generate(optionsOf(run));
		const expected = golden.get(`${run.name}/latents`)!;
		expect(result.latents.dims).toEqual(expected.dims);
		expect(relativeError(result.latents.data, expected.data)).toBeLessThan(
			5e-5,
		);
		const picture = golden.get(`${run.name}/picture`);
		if (!picture) return;
		// a mask's other pixels are the picture's own here
		const kept = run.kind === "img2img" ? undefined : mask.data;
		const { largest, differing } = differences(
			pixels(result),
			Array.from(picture.data, (byte, i) =>
				kept && kept[i] === 0 ? image.data[i] : byte,
			),
		);
		expect(largest).toBeLessThanOrEqual(1);
		expect(differing / picture.data.length).toBeLessThan(0.001);
	});
});
