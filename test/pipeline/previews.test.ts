import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { placeImage } from "../../src/image/placeImage.js";
import { psnr } from "../../src/metrics/psnr.js";
import type { PipelineEvent } from "../../src/pipeline/generatedImage.js";
import {
	colouredLatents,
	latentColours,
} from "../../src/pipeline/latentColours.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { createPipeline, type Pipeline } from "../../src/pipeline/pipeline.js";
import { tensor } from "../../src/tensor/tensor.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { autoencoderPart } from "../../src/weights/parts/autoencoderPart.js";
import { openNodePart } from "../../src/weights/parts/nodeOpenPart.js";
import {
	eventsOf,
	models,
	pixels,
	tinySd,
	watchedEngine,
} from "./tinyModels.js";

const base = {
	prompt: "a red apple",
	width: 64,
	height: 64,
	seed: 5,
	steps: 4,
};
let tiny: Pipeline;
beforeAll(async () => {
	tiny = await loadPipeline(tinySd, { threads: 1 });
});
afterAll(() => tiny.release());

type Step = Extract<PipelineEvent, { kind: "step" }>;
const stepsOf = (events: readonly PipelineEvent[]) =>
	events.filter((event): event is Step => event.kind === "step");
const imagesOf = (events: readonly PipelineEvent[]) =>
	events.flatMap((event) => (event.kind === "image" ? [event.result] : []));

test("every so many steps show what they predict; the images are the same without", async () => {
	const options = { ...base, steps: 5, numImages: 2 };
	const events = await eventsOf(tiny.stream({ ...options, previewEvery: 2 }));
	expect(stepsOf(events).map(({ preview }) => preview !== undefined)).toEqual([
		...[false, true, false, true, false],
		...[false, true, false, true, false],
	]);
	const images = await tiny.generate(options);
	expect(imagesOf(events).map(pixels)).toEqual(images.map(pixels));
	expect(JSON.stringify(imagesOf(events)[0])).not.toContain("previewEvery");
	expect(imagesOf(events)[0].parameters).toBe(images[0].parameters);
	const none = await eventsOf(tiny.stream({ ...base, previewEvery: 0 }));
	expect(stepsOf(none).some((step) => "preview" in step)).toBe(false);
});

test("Stable Diffusion's latents are coloured by the factors that are known of them", async () => {
	const [first] = stepsOf(
		await eventsOf(
			tiny.stream({ ...base, previewEvery: 1, batchSize: 2, numImages: 2 }),
		),
	);
	const { denoised } = first.step;
	expect(denoised.dims).toEqual([2, 4, 8, 8]);
	expect(first.preview).toMatchObject({ width: 8, height: 8 });
	const at = 8 * 3 + 5;
	const red = [0.298, 0.187, -0.158, -0.184].reduce(
		(sum, factor, channel) => sum + factor * denoised.data[64 * channel + at],
		0,
	);
	const byte = Math.min(255, Math.max(0, Math.round((red + 1) * 127.5)));
	expect(first.preview?.data[3 * at]).toBe(byte);
});

test("previews of the embedded model show its pictures", async () => {
	const pipeline = await loadPipeline(undefined, { threads: 1 });
	for (const [prompt, least] of [
		["penguin", 21],
		["dog face", 21],
		["butterfly", 21],
		["rocket", 21],
		// of a red that is more saturated than any that the colours were fitted to
		["a red apple", 18],
	] as const) {
		const events = await eventsOf(
			pipeline.stream({ prompt, seed: 7, steps: 6, previewEvery: 6 }),
		);
		const preview = stepsOf(events)[5].preview!;
		expect([preview.width, preview.height]).toEqual([32, 32]);
		const [{ image }] = imagesOf(events);
		const small = placeImage({ ...image, channels: 3 }, 32, 32, "stretch");
		expect(psnr(preview, small)).toBeGreaterThan(least);
	}
	await pipeline.release();
});

describe("with a tiny autoencoder", () => {
	test("they are its pictures, and the UNet stays in memory for them", async () => {
		const watched = watchedEngine();
		const files = await openModel(tinySd);
		const vae = autoencoderPart(await openNodePart(join(models, "tiny-taesd")));
		const pipeline = createPipeline(
			{ ...files, networks: { ...files.networks, vae } },
			watched.engine,
			{ keepResident: false, threads: 1 },
		);
		const events = await eventsOf(
			pipeline.stream({ ...base, previewEvery: 1 }),
		);
		const shown = stepsOf(events).map(({ preview }) => preview!);
		expect(shown.map(({ width }) => width)).toEqual([64, 64, 64, 64]);
		// after the last step nothing is left to predict
		expect(shown[3].data).toEqual(imagesOf(events)[0].image.data);
		expect(shown[0].data).not.toEqual(shown[3].data);
		const kinds = watched.everLoaded.map((name) => name.split(" ")[0]);
		expect(kinds.toSorted()).toEqual(["text", "unet", "vae"]);
		expect(watched.loaded.size).toBe(0);
	});
});

describe("where the latents are of an unknown kind", () => {
	const unknown = async (keepResident: boolean) => {
		const files = await openModel(tinySd);
		const { vae } = files.networks;
		const config = { ...(vae.config as object), scaling_factor: 0.3 };
		return createPipeline(
			{ ...files, networks: { ...files.networks, vae: { ...vae, config } } },
			watchedEngine().engine,
			{ keepResident, threads: 1 },
		);
	};

	test("they are decoded, if that takes no room from the UNet", async () => {
		const pipeline = await unknown(true);
		const events = await eventsOf(
			pipeline.stream({ ...base, previewEvery: 4 }),
		);
		await pipeline.release();
		expect(stepsOf(events)[3].preview).toEqual(imagesOf(events)[0].image);
	});

	test("else there are none, and that is said", async () => {
		const pipeline = await unknown(false);
		const events = await eventsOf(
			pipeline.stream({ ...base, previewEvery: 1 }),
		);
		expect(stepsOf(events).some((step) => "preview" in step)).toBe(false);
		expect(events.filter(({ kind }) => kind === "warning")).toMatchObject([
			{ code: "no_preview" },
		]);
	});
});

test("a hidden layer's units count where they are above 0", () => {
	// the latent, and what it lacks to 1
	const hidden = [
		[1, -1],
		[0, 1],
	];
	const factors = [
		[1, 0, 0],
		[0, 1, 0],
		[-1, -1, 0.5],
	];
	const colours = latentColours(
		{ kernel: 1, scale: 1, hidden, factors },
		{ latentChannels: 1 } as never,
		"colours",
	)!;
	const { data } = colouredLatents(
		tensor([1, 1, 1, 3], Float32Array.of(-1, 0.5, 2)),
		colours,
	);
	const byte = (value: number) => Math.round((value + 1) * 127.5);
	expect([...data]).toEqual([
		...[byte(-1), byte(1), byte(0.5)],
		...[byte(-0.5), byte(-0.5), byte(0.5)],
		...[byte(1), byte(-1), byte(0.5)],
	]);
});

test("a map looks at the latents around each, repeats them at the borders and makes squares of them", () => {
	const factors = Array.from({ length: 10 }, () => new Array(12).fill(0));
	// red at the top left of its square is the latent on the right, less a half; blue at the bottom right the one above
	factors[5][0] = 1;
	factors[9][0] = -0.5;
	factors[1][11] = 1;
	const colours = latentColours(
		{ kernel: 3, scale: 2, factors },
		{ latentChannels: 1 } as never,
		"colours",
	)!;
	const { width, height, data } = colouredLatents(
		tensor([1, 1, 2, 2], Float32Array.of(-1, 0, 0.5, 1)),
		colours,
	);
	expect([width, height]).toEqual([4, 4]);
	const bytes = (values: readonly number[]) =>
		values.map((value) => Math.round(Math.max(0, value + 1) * 127.5));
	const at = (places: readonly number[][], colour: number) =>
		places.map(([x, y]) => data[(y * 4 + x) * 3 + colour]);
	expect(
		at(
			[
				[0, 0],
				[2, 0],
				[0, 2],
				[2, 2],
			],
			0,
		),
	).toEqual(bytes([-0.5, -0.5, 0.5, 0.5]));
	expect(
		at(
			[
				[1, 1],
				[3, 1],
				[1, 3],
				[3, 3],
			],
			2,
		),
	).toEqual(bytes([-1, 0, -1, 0]));
	for (const wrong of [
		{ kernel: 2, scale: 2, factors },
		{ kernel: 3, scale: 2, hidden: factors, factors },
		{ kernel: 3, scale: 2, hidden: [], factors },
		{ kernel: 3, scale: 1, factors },
		{ kernel: 3, scale: 2, factors: factors.slice(1) },
		[],
	])
		expect(() =>
			latentColours(wrong, { latentChannels: 1 } as never, "colours"),
		).toThrow(/^colours/);
});
