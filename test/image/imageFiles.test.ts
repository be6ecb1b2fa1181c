import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { crc32 } from "../../src/files/crc32.js";
import { encodeImage } from "../../src/image/nodeEncodeImage.js";
import {
	decodeImage,
	readImage,
	readParameters,
	writeImage,
} from "../../src/image/nodeImageFile.js";
import { parametersOf } from "../../src/image/pictureParameters.js";
import { insertPngText, readPngText } from "../../src/image/pngText.js";
import { rgbImage } from "../../src/image/rgbImage.js";

// Golden data: test/reference/image_files.py (Pillow and piexif).
const golden = JSON.parse(
	readFileSync(new URL("../golden/image_files.json", import.meta.url), "utf8"),
) as {
	texts: { kind: string; text: string; file: string }[];
	pictures: {
		kind: string;
		file: string;
		width: number;
		height: number;
		pixels: number[];
	}[];
	cmyk: string;
};
const bytesOf = (file: string) => new Uint8Array(Buffer.from(file, "base64"));
const folder = mkdtempSync(join(tmpdir(), "fdiff-image-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const picture = rgbImage(
	9,
	6,
	Uint8Array.from({ length: 162 }, (_, i) => (i * 37) % 256),
);
const LATIN = "a café\nSteps: 20, Sampler: DDIM, Seed: 1";
const UNICODE = "拉面 🍜 “ramen”\nSteps: 20, Sampler: DDIM, Seed: 1";

test.each(golden.texts)(
	"the settings in a $kind of Pillow are read",
	async ({ text, file }) => {
		expect(await parametersOf(bytesOf(file), "a file")).toBe(text);
	},
);

test.each(golden.pictures)("$kind is read", async (expected) => {
	const image = await decodeImage(bytesOf(expected.file), "a file");
	expect([image.width, image.height]).toEqual([
		expected.width,
		expected.height,
	]);
	const furthest = Math.max(
		...expected.pixels.map((value, i) => Math.abs(value - image.data[i])),
	);
	// JPEG decoders round differently.
	expect(furthest).toBeLessThanOrEqual(expected.kind.includes("JPEG") ? 3 : 0);
});

test("a CMYK JPEG becomes RGB", async () => {
	const { width, data } = await decodeImage(bytesOf(golden.cmyk), "a file");
	expect([width, data.length]).toEqual([8, 192]);
	const [red, green, blue] = data;
	expect(red).toBeGreaterThan(150);
	expect(Math.max(green, blue)).toBeLessThan(120);
});

describe.each([
	["Latin-1", LATIN],
	["Unicode", UNICODE],
])("%s settings", (_, parameters) => {
	test.each(["png", "jpg", "jpeg", "webp", "PNG"])(
		"are read back from .%s",
		async (extension) => {
			const path = join(folder, `settings.${extension}`);
			await writeImage(path, picture, { parameters });
			expect(await readParameters(path)).toBe(parameters);
			const image = await readImage(path);
			expect([image.width, image.height]).toEqual([9, 6]);
			if (/png/i.test(extension)) expect(image.data).toEqual(picture.data);
		},
	);
});

test("Latin-1 settings are a tEXt chunk, others an iTXt chunk, before the picture", async () => {
	const kinds = async (parameters: string) => {
		const png = Buffer.from(await encodeImage(picture, "png", { parameters }));
		return [png.toString("latin1", 37, 41), png.indexOf("IDAT") > 41];
	};
	expect(await kinds(LATIN)).toEqual(["tEXt", true]);
	expect(await kinds(UNICODE)).toEqual(["iTXt", true]);
});

test("files without settings say so", async () => {
	for (const format of ["png", "jpeg", "webp"] as const)
		expect(
			await parametersOf(await encodeImage(picture, format), "a file"),
		).toBe(undefined);
});

test("settings too long for a JPEG are refused, and fit the others", async () => {
	const parameters = "x".repeat(40_000);
	await expect(encodeImage(picture, "jpeg", { parameters })).rejects.toThrow(
		/too long .* \.png or \.webp/,
	);
	for (const format of ["png", "webp"] as const)
		expect(
			await parametersOf(
				await encodeImage(picture, format, { parameters }),
				"a file",
			),
		).toBe(parameters);
});

test("any text survives a PNG, but for NUL", async () => {
	const png = await encodeImage(picture, "png");
	await fc.assert(
		fc.asyncProperty(fc.string({ unit: "grapheme" }), async (text) => {
			const texts = await readPngText(
				insertPngText(png, "key", text),
				"a file",
			);
			expect(texts.get("key")).toBe(text.replaceAll("\0", ""));
		}),
	);
});

describe("a file that cannot be written is one clear line, and nothing is left behind", () => {
	test.each([
		["out.bmp", /"\.bmp" files are not written; use \.png, \.jpg/],
		["out", /needs an extension; use \.png/],
		["missing/out.png", /cannot be written: its folder does not exist/],
	])("%s", async (name, reason) => {
		const before = readdirSync(folder);
		const writing = writeImage(join(folder, name), picture);
		await expect(writing).rejects.toThrow(UserError);
		await expect(writing).rejects.toThrow(reason);
		await expect(writing).rejects.toThrow(/^.*$/);
		expect(readdirSync(folder)).toEqual(before);
	});
});

describe("a file that cannot be read is one clear line", () => {
	const bomb = Buffer.from(bytesOf(golden.pictures[0].file));
	bomb.writeUInt32BE(2 ** 20, 16);
	bomb.writeUInt32BE(2 ** 20, 20);
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64"/></svg>`;
	const lines = Buffer.from(bytesOf(golden.pictures[0].file));
	lines.writeUInt32BE(8_388_616, 16);
	lines.writeUInt32BE(7, 20);
	lines.writeUInt32BE(crc32(lines.subarray(12, 29)), 29);
	test.each([
		["nothing", new Uint8Array(0), /is no picture of a known format/],
		["text", Buffer.from("hello"), /is no picture of a known format/],
		[
			"a bitmap",
			Buffer.from("BM of Windows"),
			/is no picture of a known format \(PNG, .*\), but a BMP/,
		],
		["a huge picture", bomb, /has over 67108864 pixels|is damaged/],
		["a drawing", Buffer.from(svg), /it is a file of the kind svg, not PNG/],
		["lines of millions of pixels", lines, /it is 8388616 x 7 pixels/],
		[
			"a picture cut off",
			bytesOf(golden.pictures[0].file).subarray(0, 90),
			/is damaged|no picture/,
		],
	])("%s", async (_, bytes, reason) => {
		const reading = decodeImage(bytes, "a.png");
		await expect(reading).rejects.toThrow(UserError);
		await expect(reading).rejects.toThrow(/^a\.png cannot be read: .*$/);
		await expect(reading).rejects.toThrow(reason);
	});

	test("a missing file", async () => {
		await expect(readImage(join(folder, "none.png"))).rejects.toThrow(
			/none\.png does not exist/,
		);
		await expect(readParameters(folder)).rejects.toThrow(/it is a folder/);
	});
});

test("settings in a text bomb are refused", async () => {
	const { deflateSync } = await import("node:zlib");
	const body = Buffer.concat([
		Buffer.from("zTXtparameters\0\0", "latin1"),
		deflateSync(Buffer.alloc(200 << 20)),
	]);
	const chunk = Buffer.alloc(body.length + 8);
	chunk.writeUInt32BE(body.length - 4, 0);
	body.copy(chunk, 4);
	chunk.writeUInt32BE(crc32(body), body.length + 4);
	const png = Buffer.from(await encodeImage(picture, "png"));
	const bomb = Buffer.concat([png.subarray(0, 33), chunk, png.subarray(33)]);
	await expect(readPngText(bomb, "bomb.png")).rejects.toThrow(
		/bomb\.png: its text "parameters" is over 1 MiB/,
	);
});

test("a wrong checksum of a text is found", async () => {
	const png = await encodeImage(picture, "png", { parameters: "Steps: 20" });
	png[60] ^= 1;
	await expect(readPngText(png, "a.png")).rejects.toThrow(
		/a\.png is damaged: the checksum/,
	);
});

test("no mutation of a file ends in anything but settings or a UserError", async () => {
	const files = golden.texts.map(({ file }) => bytesOf(file));
	await fc.assert(
		fc.asyncProperty(
			fc.constantFrom(...files),
			fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }),
			fc.nat(800),
			async (original, edits, length) => {
				const bytes = original.slice(
					0,
					length > 400 ? original.length : length,
				);
				for (const [at, value] of edits)
					if (at < bytes.length) bytes[at] = value;
				try {
					await parametersOf(bytes, "a file");
				} catch (error) {
					expect(error).toBeInstanceOf(UserError);
				}
			},
		),
		{ numRuns: 2000 },
	);
});
