import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OptionError } from "../../src/errors/optionError.js";
import { placeImage } from "../../src/image/placeImage.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { GenerateOptions } from "../../src/pipeline/options.js";
import { createPipeline, type Pipeline } from "../../src/pipeline/pipeline.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { relativeError } from "../goldenFile.js";
import {
	eventsOf,
	latents,
	pixels,
	tinyInpainting,
	tinySd,
	watchedEngine,
} from "./tinyModels.js";

const size = { width: 64, height: 64 };

/** A picture whose bytes follow from their places. */
function picture(width: number, height: number, channels = 3) {
	const data = new Uint8Array(width * height * channels);
	for (let i = 0; i < data.length; i++)
		data[i] = (i * 7 + Math.floor(i / (width * channels)) * 3) % 256;
	return { width, height, data };
}

/** White in a box, black around it. */
function box(
	width: number,
	height: number,
	[left, top, right, bottom]: readonly number[],
) {
	const data = new Uint8Array(width * height * 3);
	for (let y = top; y < bottom; y++)
		data.fill(255, 3 * (y * width + left), 3 * (y * width + right));
	return { width, height, data };
}

const initImage = picture(64, 64);
const mask = box(64, 64, [16, 24, 40, 48]);
const base = { prompt: "a red apple", ...size, steps: 8, seed: 5, initImage };

let pipeline: Pipeline;
let inpainting: Pipeline;
let folder: string;
beforeAll(async () => {
	folder = tinyInpainting();
	pipeline = await loadPipeline(tinySd, { threads: 1 });
	inpainting = await loadPipeline(folder, { threads: 1 });
});
afterAll(async () => {
	await Promise.all([pipeline.release(), inpainting.release()]);
	rmSync(folder, { recursive: true });
});

const one = async (options: GenerateOptions, from = pipeline) =>
	(await from.generate(options))[0];

describe("a run from a picture", () => {
	test("runs the end of the plan, its first evaluation whole", async () => {
		const { cost, settings } = await one({
			...base,
			strength: 0.5,
			keySteps: [0, 3, 6],
		});
		expect([settings.start, settings.evaluations]).toEqual([4, 4]);
		expect(cost.evaluations).toBe(4);
		expect(cost.keySteps).toEqual([4, 6]);
	});

	test.each([
		"paper",
		"uniform:2",
		"deepcache:2",
		"adaptive:0.1",
		"uniform:3+cfg-cutoff:0.7",
		"tgate",
		"tome:0.5",
		"easycache:0.1",
		"ucache:0.1",
	])("with the key steps %s", async (keySteps) => {
		const events = await eventsOf(
			pipeline.stream({
				...base,
				steps: 20,
				sampler: "dpm-solver++",
				strength: 0.4,
				keySteps,
			}),
		);
		const steps = events.filter((event) => event.kind === "step");
		expect(steps.map(({ step }) => step.index)).toEqual([
			12, 13, 14, 15, 16, 17, 18, 19,
		]);
		expect(steps[0].step.encoderRan).toBe(true);
	});

	test.each(["dpm-solver++", "euler-a"])(
		"makes each image of a batch as alone: %s, with and without a mask",
		async (sampler) => {
			for (const more of [{}, { mask, strength: 0.6 }]) {
				const options = { ...base, ...more, sampler };
				const together = await pipeline.generate({
					...options,
					numImages: 3,
					batchSize: 2,
				});
				for (const [n, result] of together.entries())
					expect(
						relativeError(
							latents(result),
							latents(await one({ ...options, seed: 5 + n })),
						),
					).toBeLessThan(1e-5);
			}
		},
	);

	test.each(["adaptive:0.2", "ucache:0.3", "easycache:0.05"])(
		"whose steps are decided by what is drawn, %s, is the same in a batch",
		async (keySteps) => {
			const options = { ...base, initImage: undefined, steps: 12, keySteps };
			expect(
				pipeline.settings({ ...options, batchSize: 4 }).options.batchSize,
			).toBe(1);
			const together = await pipeline.generate({
				...options,
				numImages: 2,
				batchSize: 2,
			});
			for (const [n, result] of together.entries()) {
				const alone = await one({ ...options, seed: 5 + n });
				expect(latents(result)).toEqual(latents(alone));
				expect(result.cost.keySteps).toEqual(alone.cost.keySteps);
			}
		},
	);

	test("has the picture's size where that is near what the model was trained at", () => {
		const sizeOf = (width: number, height: number, more: object = {}) => {
			const settings = pipeline.settings({
				prompt: "x",
				initImage: picture(width, height),
				...more,
			});
			return [settings.width, settings.height];
		};
		expect(sizeOf(150, 110)).toEqual([144, 104]);
		// 128 x 128 pixels, in the picture's shape
		expect(sizeOf(1000, 500)).toEqual([184, 88]);
		expect(sizeOf(8, 8)).toEqual([128, 128]);
		expect(sizeOf(1000, 500, { width: 64 })).toEqual([64, 32]);
		expect(sizeOf(1000, 500, { width: 64, height: 64 })).toEqual([64, 64]);
	});

	test("lays what is transparent on a colour", async () => {
		const clear = { ...size, data: new Uint8Array(64 * 64 * 4) };
		const red = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) =>
			i % 3 === 0 ? 255 : 0,
		);
		const options = { ...base, strength: 0.5 };
		expect(
			latents(
				await one({ ...options, initImage: clear, background: "#ff0000" }),
			),
		).toEqual(
			latents(await one({ ...options, initImage: { ...size, data: red } })),
		);
	});

	test("turns another shape into the size as it is told", () => {
		const wide = { ...picture(8, 2), channels: 3 };
		const row = (mode: "crop" | "fit" | "stretch") => {
			const placed = placeImage(wide, 4, 4, mode);
			expect(placed.data).toHaveLength(48);
			return placed.data;
		};
		// the middle of it
		expect(Array.from(row("crop").subarray(0, 3))).not.toEqual(
			Array.from(row("stretch").subarray(0, 3)),
		);
		// whole, between its own borders drawn out
		const fit = row("fit");
		expect(fit.subarray(0, 12)).toEqual(fit.subarray(12, 24));
	});
});

describe("a mask", () => {
	const kept = (
		actual: ArrayLike<number>,
		original: { width: number; data: Uint8Array },
		[left, top, right, bottom]: readonly number[],
	) => {
		let changed = 0;
		for (let i = 0; i < original.data.length; i++) {
			const pixel = Math.floor(i / 3);
			const [x, y] = [
				pixel % original.width,
				Math.floor(pixel / original.width),
			];
			const inside = x >= left && x < right && y >= top && y < bottom;
			if (!inside) expect(actual[i]).toBe(original.data[i]);
			else if (actual[i] !== original.data[i]) changed++;
		}
		return changed;
	};
	const within = [16, 24, 40, 48];

	test.each([
		{},
		{ strength: 0.5, maskedContent: "noise" as const },
		{ strength: 0.5, maskedContent: "fill" as const },
	])("leaves what is not white byte for byte, case %#", async (more) => {
		for (const from of [pipeline, inpainting]) {
			const result = await one({ ...base, mask, ...more }, from);
			expect(kept(pixels(result), initImage, within)).toBeGreaterThan(1000);
		}
	});

	test("what is under it at the beginning counts below strength 1", async () => {
		const drawn = async (maskedContent: "original" | "noise" | "fill") =>
			latents(await one({ ...base, mask, strength: 0.5, maskedContent }));
		const [original, noise, fill] = [
			await drawn("original"),
			await drawn("noise"),
			await drawn("fill"),
		];
		expect(noise).not.toEqual(original);
		expect(fill).not.toEqual(original);
	});

	test("with blur reaches a little further, and no more", async () => {
		const result = await one({ ...base, mask, maskBlur: 2 });
		const [left, top, right, bottom] = within;
		kept(pixels(result), initImage, [left - 5, top - 5, right + 5, bottom + 5]);
		const changed = kept(pixels(result), initImage, [0, 0, 64, 64]);
		const hard = await one({ ...base, mask });
		expect(changed).toBeGreaterThan(kept(pixels(hard), initImage, within));
	});

	test("drawn alone changes its part of a large picture, which keeps its size", async () => {
		const large = picture(300, 200);
		const where = [200, 30, 230, 50];
		for (const from of [pipeline, inpainting]) {
			const result = await one(
				{
					...base,
					initImage: large,
					mask: box(300, 200, where),
					onlyMasked: true,
					maskPadding: 8,
				},
				from,
			);
			expect([result.image.width, result.image.height]).toEqual([300, 200]);
			expect(result.latents.dims).toEqual([1, 4, 8, 8]);
			expect(kept(pixels(result), large, where)).toBeGreaterThan(1000);
		}
	});

	test("at the border of a picture, and all over it", async () => {
		for (const where of [
			[0, 0, 3, 3],
			[297, 196, 300, 200],
			[0, 0, 300, 200],
		]) {
			const large = picture(300, 200);
			const result = await one({
				...base,
				initImage: large,
				mask: box(300, 200, where),
				onlyMasked: true,
			});
			kept(pixels(result), large, where);
		}
	});
});

describe("drawing on at a larger size", () => {
	test("is a run that begins with the enlarged picture", async () => {
		const { initImage: _, ...options } = base;
		const small = await one(options);
		const enlarged = placeImage(
			{ ...small.image, channels: 3 },
			128,
			128,
			"stretch",
		);
		const expected = await one({
			...options,
			width: 128,
			height: 128,
			initImage: enlarged,
			strength: 0.5,
		});
		const events = await eventsOf(
			pipeline.stream({ ...options, hires: 2, hiresStrength: 0.5 }),
		);
		const [last] = events.slice(-1);
		if (last.kind !== "image") throw new Error("no image");
		expect(relativeError(latents(last.result), latents(expected))).toBeLessThan(
			1e-5,
		);
		expect(last.result.cost.evaluations).toBe(12);
		expect(last.result.settings.evaluations).toBe(12);
		expect(events.filter(({ kind }) => kind === "step")).toHaveLength(12);
		expect(last.result.cost.flops).toBeCloseTo(
			small.cost.flops + expected.cost.flops,
			-3,
		);
	});

	test("of latents needs no picture in between", async () => {
		const watched = watchedEngine();
		const own = createPipeline(await openModel(tinySd), watched.engine, {
			threads: 1,
		});
		const { initImage: _, ...options } = base;
		const [result] = await own.generate({
			...options,
			hires: 1.5,
			hiresUpscaler: "latent",
			numImages: 2,
			batchSize: 2,
		});
		expect([result.image.width, result.image.height]).toEqual([96, 96]);
		expect(watched.everLoaded.filter((name) => /vae/.test(name))).toHaveLength(
			1,
		);
		await own.release();
	});
});

describe("what cannot be done is refused before anything is loaded", () => {
	test.each<[string, object]>([
		["initImage", { initImage: "picture.png" }],
		["initImage", { initImage: { width: 2, height: 2, data: [1, 2] } }],
		["initImage", { initImage: { ...size, data: new Uint8Array(7) } }],
		["strength", { initImage, strength: 1.5 }],
		["strength", { initImage, strength: Number.NaN }],
		["strength", { initImage, strength: 0 }],
		["strength", { initImage, strength: 0.1, steps: 9 }],
		["strength", { strength: 0.5 }],
		["resizeMode", { initImage, resizeMode: "zoom" }],
		["background", { initImage, background: "white" }],
		["mask", { mask }],
		["mask", { initImage, mask: box(64, 32, [0, 0, 9, 9]) }],
		["mask", { initImage, mask: box(64, 64, [0, 0, 0, 0]) }],
		["maskBlur", { initImage, maskBlur: 4 }],
		["maskBlur", { initImage, mask, maskBlur: -1 }],
		["onlyMasked", { initImage, onlyMasked: true }],
		["hires", { initImage, hires: 2 }],
		["hires", { hires: 0.5 }],
		["hires", { hires: 8, width: 2048 }],
		["hiresStrength", { hiresStrength: 0.5 }],
		["hiresStrength", { hires: 2, hiresStrength: 0.01 }],
	])("%s, case %#", (option, options) => {
		let error: unknown;
		try {
			pipeline.stream({ prompt: "x", ...options } as GenerateOptions);
		} catch (thrown) {
			error = thrown;
		}
		expect(error).toBeInstanceOf(OptionError);
		expect(error).toMatchObject({ option });
		expect((error as OptionError).message).toMatch(/^[a-zA-Z]+: [^\n]+$/);
	});

	test("an inpainting model without picture or mask", () => {
		for (const [option, options] of [
			["initImage", {}],
			["mask", { initImage }],
		] as const)
			expect(() => inpainting.settings({ prompt: "x", ...options })).toThrow(
				expect.objectContaining({ option }),
			);
	});

	test.each([false, true])(
		"a mask of which the blur leaves nothing, its part alone: %s",
		async (onlyMasked) => {
			const watched = watchedEngine();
			const own = createPipeline(await openModel(tinySd), watched.engine);
			await expect(
				own.generate({
					...base,
					initImage: picture(512, 512),
					mask: box(512, 512, [256, 256, 257, 257]),
					// of a single white pixel not even a level of grey
					maskBlur: 64,
					onlyMasked,
				}),
			).rejects.toMatchObject({ option: "mask" });
			expect(watched.everLoaded).toEqual([]);
		},
	);
});
