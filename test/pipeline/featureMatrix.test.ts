import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compareRuns } from "../../src/evaluation/compare.js";
import type { GeneratedImage } from "../../src/pipeline/generatedImage.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { GenerateOptions } from "../../src/pipeline/options.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { SAMPLER_NAMES } from "../../src/samplers/sampler.js";
import { latents, models, tinySd } from "./tinyModels.js";

const side = 64;
const data = Uint8Array.from(
	{ length: 3 * side * side },
	(_, i) => (i * 7) % 256,
);
const initImage = { width: side, height: side, data };
/** White in the lower half. */
const mask = {
	width: side,
	height: side,
	data: data.map((_, i) => (i < data.length / 2 ? 0 : 255)),
};
const base = {
	prompt: "a red apple",
	width: side,
	height: side,
	steps: 4,
	seed: 5,
};
const controlled = { controlImage: initImage, controlScale: 0.7 };
const loras = [
	{ path: join(models, "tiny-adapters", "kohya.safetensors"), weight: 0.5 },
];
/** Everything at once that a run can begin with, be steered and be changed by. */
const all: GenerateOptions = {
	...base,
	...controlled,
	initImage,
	mask,
	strength: 0.75,
	loras,
	previewEvery: 2,
};

let pipeline: Pipeline;
beforeAll(async () => {
	const controlnet = join(models, "tiny-control");
	pipeline = await loadPipeline(tinySd, { threads: 1, controlnet });
});
afterAll(() => pipeline.release());

const draw = async (options: GenerateOptions): Promise<GeneratedImage> =>
	(await pipeline.generate(options))[0];
/** What is not masked is the picture's own, and what is masked is not. */
const isInpainted = ({ image }: GeneratedImage) => {
	const half = data.length / 2;
	expect(image.data.subarray(0, half)).toEqual(data.subarray(0, half));
	expect(image.data.subarray(half)).not.toEqual(data.subarray(half));
};

test.each(SAMPLER_NAMES)(
	"%s draws with all of them at once",
	async (sampler) => {
		const changed = await draw({ ...all, sampler });
		isInpainted(changed);
		for (const without of [{ loras: undefined }, { controlScale: 0 }])
			expect(latents(await draw({ ...all, sampler, ...without }))).not.toEqual(
				latents(changed),
			);
	},
);

test.each([
	"paper",
	"uniform:2",
	"deepcache:2",
	"adaptive:0.2",
	"tgate:2",
	"tome:0.3",
	"easycache",
	"ucache",
	"cfg-cutoff:0.5",
])("so do the key steps %s", async (keySteps) => {
	isInpainted(await draw({ ...all, keySteps }));
});

test.each<[string, GenerateOptions]>([
	["a picture", { ...base, ...controlled, initImage, strength: 0.5 }],
	["a mask", { ...base, ...controlled, initImage, mask }],
	["hires", { ...base, ...controlled, hires: 1.5, hiresStrength: 0.5 }],
	["LoRAs", { ...base, ...controlled, loras }],
])("compare draws its three pictures with %s", async (_, options) => {
	const contenders = await compareRuns(pipeline, {
		...options,
		keySteps: "uniform:2",
	});
	expect(contenders).toHaveLength(3);
	const [plain, propagated] = contenders.map(({ result }) => result);
	expect(propagated.cost.encoderRuns).toBeLessThan(plain.cost.encoderRuns);
	expect(latents(propagated)).not.toEqual(latents(plain));
	// the same options, drawn by themselves
	expect(latents(await draw({ ...options, keySteps: "all" }))).toEqual(
		latents(plain),
	);
});
