import { beforeAll, describe, expect, test } from "vitest";
import { OptionError } from "../../src/errors/optionError.js";
import { UserError } from "../../src/errors/userError.js";
import { decodeImage } from "../../src/image/nodeImageFile.js";
import { parametersOf } from "../../src/image/pictureParameters.js";
import type {
	GeneratedImage,
	PipelineEvent,
} from "../../src/pipeline/generatedImage.js";
import { optionsFromParameters } from "../../src/pipeline/imageParameters.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { tinySd } from "./tinyModels.js";

const options = { prompt: "a red apple", steps: 2, width: 64, height: 64 };
const events: PipelineEvent[] = [];
let image: GeneratedImage;
beforeAll(async () => {
	await using pipeline = await loadPipeline(tinySd, { threads: 1 });
	for await (const event of pipeline.stream({
		...options,
		prompt: `a red apple ${"and a pear ".repeat(40)}`,
		seed: 2n ** 63n,
	}))
		events.push(event);
	const last = events.at(-1);
	if (last?.kind !== "image") throw new Error("no image");
	image = last.result;
});

describe("an image's bytes", () => {
	test("are a PNG of the same pixels with the settings inside", async () => {
		const png = await image.encode();
		expect((await decodeImage(png, "x")).data).toEqual(image.image.data);
		expect(await parametersOf(png, "x")).toBe(image.parameters);
		expect(optionsFromParameters(image.parameters).options).toMatchObject({
			steps: 2,
			seed: "9223372036854775808",
		});
	});

	test.each(["jpeg", "webp"] as const)(
		"of %s have the settings too, and a quality",
		async (format) => {
			const fine = await image.encode(format);
			const coarse = await image.encode(format, { quality: 5 });
			expect(await parametersOf(fine, "x")).toBe(image.parameters);
			expect(coarse.length).toBeLessThan(fine.length);
			const { width, height } = await decodeImage(fine, "x");
			expect([width, height]).toEqual([64, 64]);
		},
	);

	test("have no settings, or others, where that is asked for", async () => {
		const none = await image.encode("png", { parameters: false });
		expect(await parametersOf(none, "x")).toBeUndefined();
		const other = await image.encode("webp", { parameters: "mine" });
		expect(await parametersOf(other, "x")).toBe("mine");
	});

	test.each<[string, () => Promise<unknown>]>([
		["format", () => image.encode("gif" as "png")],
		["quality", () => image.encode("jpeg", { quality: 0 })],
		["quality", () => image.encode("jpeg", { quality: Number.NaN })],
		["parameters", () => image.encode("png", { parameters: 5 as never })],
	])("a wrong %s is an OptionError", async (option, encode) => {
		const error = await encode().catch((thrown: unknown) => thrown);
		expect(error).toBeInstanceOf(OptionError);
		expect((error as OptionError).option).toBe(option);
	});

	test("of a JPEG are refused where the settings are too long for it", async () => {
		const parameters = "a".repeat(40_000);
		await expect(image.encode("jpeg", { parameters })).rejects.toThrow(
			UserError,
		);
		await image.encode("webp", { parameters });
	});
});

test("an image as JSON has what makes it again, and no pixels", () => {
	const text = JSON.stringify(image);
	expect(text.length).toBeLessThan(4000);
	expect(JSON.parse(text)).toMatchObject({
		index: 0,
		seed: "9223372036854775808",
		options: { steps: 2, numImages: 1, seed: "9223372036854775808" },
		cost: { evaluations: 2 },
		model: { hash: image.model.hash },
	});
});

test("an image can be cloned, as for another thread", () => {
	const clone = structuredClone(image);
	expect(clone.image).toEqual(image.image);
	expect(clone.cost).toEqual(image.cost);
});

test("a run begins with its warnings", () => {
	expect(events[0]).toMatchObject({
		kind: "warning",
		code: "prompt_cut",
		message: expect.stringContaining("and a pear"),
	});
	expect(events.filter(({ kind }) => kind === "warning")).toHaveLength(1);
});
