import { beforeAll, describe, expect, test } from "vitest";
import { createPipeline } from "../../src/pipeline/pipeline.js";
import type { ModelFiles } from "../../src/weights/folder/modelFiles.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { latents, oneThread, tinySd } from "./tinyModels.js";

let files: ModelFiles;
beforeAll(async () => {
	files = await openModel(tinySd);
});

/** Final latents of a short run of a model whose generation_config.json holds `generationConfig`. */
async function drawn(generationConfig?: unknown, guidanceScale?: number) {
	const [image] = await createPipeline(
		{ ...files, generationConfig },
		oneThread,
	).generate({
		prompt: "a red apple",
		steps: 2,
		width: 64,
		height: 64,
		seed: 3,
		guidanceScale,
	});
	return latents(image);
}

describe("the guidance scale of a run that names none", () => {
	test("is what the model's generation_config.json says", async () => {
		const three = await drawn(undefined, 3);
		expect(await drawn({ guidance_scale: 3, other: "key" })).toEqual(three);
		expect(await drawn()).not.toEqual(three);
	});

	test("is 7.5 without one, or where it says nothing", async () => {
		const usual = await drawn(undefined, 7.5);
		expect(await drawn()).toEqual(usual);
		expect(await drawn({})).toEqual(usual);
	});

	test.each([[{ guidance_scale: "high" }], [{ guidance_scale: -1 }], [[]]])(
		"a malformed file is named: %j",
		(generationConfig) => {
			expect(() =>
				createPipeline({ ...files, generationConfig }, oneThread),
			).toThrow(
				/tiny-sd\/generation_config\.json: guidance_scale must be a number from 0 to 100/,
			);
		},
	);
});

test("the embedded model's folder says 5", async () => {
	expect((await openModel("emoji")).generationConfig).toEqual({
		guidance_scale: 5,
	});
});
