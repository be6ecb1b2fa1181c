import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { readGolden, relativeError } from "../goldenFile.js";
import { differences } from "./tinyModels.js";

const root = join(import.meta.dirname, "..", "..");
const { prompts, steps, guidanceScale, unetSha256, runs } = JSON.parse(
	readFileSync(join(root, "test", "golden", "embedded.json"), "utf8"),
) as {
	prompts: string[];
	steps: number;
	guidanceScale: number;
	unetSha256: string;
	runs: { name: string; keySteps: number[]; injection: { alpha: number } }[];
};

/** golden by test/reference/embedded.py, for the weights in models/emoji */
describe("the embedded model at full length", () => {
	const golden = readGolden("embedded");
	let pipeline: Pipeline;
	beforeAll(async () => {
		pipeline = await loadPipeline(undefined, { threads: 1 });
	});

	test("golden data are of the weights in the repository", () => {
		const unet = readFileSync(
			join(root, "models/emoji/unet/diffusion_pytorch_model.safetensors"),
		);
		expect(createHash("sha256").update(unet).digest("hex")).toBe(unetSha256);
		expect(runs.length).toBe(3 * prompts.length);
	});

	test.each(runs)("$name", async ({ name, keySteps, injection }) => {
		const [prompt, kind] = name.split("/");
		const [{ image, latents }] = await pipeline.generate({
			prompt,
			steps,
			guidanceScale,
			seed: 0,
			sampler: "ddim",
			keySteps: keySteps.join(","),
			injectNoise: injection.alpha,
		});
		expect(relativeError(latents.data, golden.get(name)!.data)).toBeLessThan(
			1e-3,
		);
		if (kind === "plain") {
			const { largest, differing } = differences(
				image.data,
				golden.get(`${prompt}/image`)!.data,
			);
			expect(largest).toBeLessThanOrEqual(1);
			expect(differing / image.data.length).toBeLessThan(0.001);
		}
	});
});
