import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createPipeline } from "../../src/pipeline/pipeline.js";
import { openNodeAdapterFile } from "../../src/weights/adapters/nodeAdapterFile.js";
import { openNodeWeightFile } from "../../src/weights/formats/nodeModelFolder.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { latents, models, tinySd, watchedEngine } from "./tinyModels.js";

const path = join(models, "tiny-adapters", "kohya.safetensors");
const run = {
	prompt: "a red apple",
	seed: 3,
	steps: 2,
	keySteps: "all",
	width: 64,
	height: 64,
};

test.each([
	[true, 2],
	[false, 1],
])(
	"keepResident %s: of each network %i variants stay loaded, and runs at the same time are as alone",
	async (keepResident, most) => {
		const watched = watchedEngine();
		const pipeline = createPipeline(await openModel(tinySd), watched.engine, {
			keepResident,
			openWeightFile: openNodeWeightFile,
			openAdapterFile: (where) => openNodeAdapterFile(where),
		});
		const draw = async (weight?: number) => {
			const [image] = await pipeline.generate({
				...run,
				loras: weight === undefined ? undefined : [{ path, weight }],
			});
			return latents(image);
		};
		const kinds = (kind: string) =>
			[...watched.loaded].filter((name) => name.startsWith(kind)).length;
		const alone: number[][] = [];
		for (const weight of [undefined, 0.2, 0.4]) {
			alone.push(await draw(weight));
			expect(kinds("decoder")).toBeLessThanOrEqual(most);
			expect(kinds("text")).toBeLessThanOrEqual(most);
		}
		expect(alone[2]).not.toEqual(alone[1]);
		const together = await Promise.all([undefined, 0.2, 0.4].map(draw));
		expect(together).toEqual(alone);
		await pipeline.release();
		expect(watched.loaded.size).toBe(0);
	},
);

test("of the parts that plans ask for, eight stay loaded: dozens would be many times the model, for as long as a server lives", async () => {
	const watched = watchedEngine();
	const pipeline = createPipeline(await openModel(tinySd), watched.engine, {
		keepResident: true,
	});
	const draw = async (up: number) => {
		const keySteps = `full,outer:${up}`;
		return latents((await pipeline.generate({ ...run, keySteps }))[0]);
	};
	const parts = () =>
		[...watched.loaded].filter((name) => !name.startsWith("text")).length;
	const first = await draw(1);
	for (let up = 2; up <= 6; up++) {
		await draw(up);
		// and the VAE
		expect(parts()).toBeLessThanOrEqual(9);
	}
	expect(parts()).toBe(9);
	expect(await draw(1)).toEqual(first);
	await pipeline.release();
	expect(watched.loaded.size).toBe(0);
});

test("content in memory is the same as its file, whatever its name", async () => {
	const watched = watchedEngine();
	const pipeline = createPipeline(await openModel(tinySd), watched.engine, {
		openWeightFile: openNodeWeightFile,
		openAdapterFile: (where) => openNodeAdapterFile(where),
	});
	const bytes = new Uint8Array(readFileSync(path));
	const drawn = [];
	for (const lora of [
		{ path },
		{ file: bytes, name: "kohya" },
		{ file: new Blob([bytes]), name: "other" },
	])
		drawn.push((await pipeline.generate({ ...run, loras: [lora] }))[0]);
	const [first, second, third] = drawn;
	expect(latents(second)).toEqual(latents(first));
	expect(latents(third)).toEqual(latents(first));
	expect(second.parameters).toBe(first.parameters);
	expect(third.parameters).toContain("<lora:other:1>");
	expect(JSON.stringify(second)).not.toContain('"file"');
	await pipeline.release();
});
