import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { GenerateOptions } from "../../src/pipeline/options.js";
import { readGolden, relativeError } from "../goldenFile.js";
import { models } from "./tinyModels.js";

// Golden data: test/reference/prompt_weights.py (A1111's rules through transformers' tokenizers and text encoders).
const arrays = readGolden("prompt_states");
const cases: (GenerateOptions & { model: string; name: string })[] = JSON.parse(
	readFileSync(
		join(import.meta.dirname, "../golden/prompt_states.json"),
		"utf8",
	),
);

test.each(cases)(
	"$name: text states, weighted $promptWeighting, long $longPrompts, without $clipSkip layers",
	async ({ model, name, ...options }) => {
		await using pipeline = await loadPipeline(join(models, model), {
			threads: 1,
		});
		const settings = pipeline.settings({ ...options, guidanceScale: 1 });
		const { positive } = await pipeline.encodePrompts(settings);
		const { dims, data } = positive.encoder_hidden_states;
		const expected = arrays.get(name);
		expect(dims).toEqual([1, ...(expected?.dims ?? [])]);
		expect(relativeError(data, expected?.data ?? [])).toBeLessThan(1e-5);
	},
);
