import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadPipeline } from "../../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../../src/pipeline/pipeline.js";
import { root } from "../../cli/runProgram.js";
import { readGolden, relativeError } from "../../goldenFile.js";
import { latents, models, tinySd } from "../../pipeline/tinyModels.js";

interface Case {
	readonly name: string;
	readonly prompt: string;
	readonly negativePrompt: string;
	readonly seed: number;
	readonly loras?: readonly { file: string; weight?: number }[];
	readonly embeddings?: readonly { file: string }[];
}
const golden = readGolden("adapters");
const { cases, ...common } = JSON.parse(
	readFileSync(join(root, "test/golden/adapters.json"), "utf8"),
) as { cases: Case[]; steps: number; guidanceScale: number };
const path = (file: string) => join(models, "tiny-adapters", file);

let pipeline: Pipeline;
beforeAll(async () => {
	pipeline = await loadPipeline(tinySd, {
		engine: "openvino",
		precision: "float32",
	});
});
afterAll(() => pipeline.release());

/** golden by test/reference/adapters.py; of each way in which adapters change weights one. */
test.each(
	cases.filter(({ name }) =>
		/^(kohya 0.6|dora|loha-tucker|lokr-both|several|embeddings 30)$/.test(name),
	),
)("OpenVINO draws $name as diffusers does", async ({ name, ...run }) => {
	const [image] = await pipeline.generate({
		...common,
		...run,
		width: 64,
		height: 64,
		sampler: "ddim",
		loras: run.loras?.map(({ file, ...one }) => ({ path: path(file), ...one })),
		embeddings: run.embeddings?.map(({ file }) => ({ path: path(file) })),
	});
	expect(
		relativeError(latents(image), golden.get(name)?.data ?? []),
	).toBeLessThan(1e-4);
});
