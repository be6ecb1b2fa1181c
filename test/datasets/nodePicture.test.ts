import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { centreSquare, decodePicture } from "../../src/datasets/nodePicture.js";
import { UserError } from "../../src/errors/userError.js";
import { crc32 } from "../../src/files/crc32.js";
import { readGolden } from "../goldenFile.js";

// Files and golden data: test/reference/pictures.py (Pillow).
const folder = join(import.meta.dirname, "../golden/pictures");
const golden = readGolden("pictures");
const bytesOf = (name: string) => readFileSync(join(folder, name));

describe("decodes as Pillow's convert('RGB')", () => {
	test.each([
		["plain.png", 0],
		["grey.png", 0],
		["palette.png", 0],
		["alpha.png", 0],
		["photo444.jpg", 1],
		["photo.jpg", 1],
		["grey.jpg", 1],
		["rotated.jpg", 1],
	])("%s, to within %i", async (name, tolerance) => {
		const { dims, data } = golden.get(name)!;
		const picture = await decodePicture(bytesOf(name), name);
		expect([picture.height, picture.width, 3]).toEqual(dims);
		const differences = picture.data.map((value, i) =>
			Math.abs(value - data[i]),
		);
		expect(Math.max(...differences)).toBeLessThanOrEqual(tolerance);
	});
});

// Pillow converts CMYK by a formula, sharp by a printer's profile: darker, but each channel is its own and no other's.
test("CMYK becomes the same colours but for the printer's profile", async () => {
	const { data } = golden.get("cmyk.jpg")!;
	const picture = await decodePicture(bytesOf("cmyk.jpg"), "cmyk.jpg");
	expect(picture.data).toHaveLength(data.length);
	const channel = (values: ArrayLike<number>, c: number) =>
		Array.from(values).filter((_, i) => i % 3 === c);
	for (const c of [0, 1, 2]) {
		const [ours, theirs] = [channel(picture.data, c), channel(data, c)];
		expect(correlation(ours, theirs)).toBeGreaterThan(0.9);
		for (const other of [0, 1, 2])
			if (other !== c)
				expect(correlation(ours, channel(data, other))).toBeLessThan(0.85);
		const apart = ours.map((value, i) => Math.abs(value - theirs[i]));
		expect(mean(apart)).toBeLessThan(30);
	}
});

const mean = (values: readonly number[]) =>
	values.reduce((sum, value) => sum + value, 0) / values.length;

function correlation(a: readonly number[], b: readonly number[]): number {
	const [centreA, centreB] = [mean(a), mean(b)];
	const products = (x: readonly number[], y: readonly number[]) =>
		mean(
			x.map(
				(_, i) =>
					(x[i] - (x === a ? centreA : centreB)) *
					(y[i] - (y === a ? centreA : centreB)),
			),
		);
	return products(a, b) / Math.sqrt(products(a, a) * products(b, b));
}

test("16 bits become 8", async () => {
	const picture = await decodePicture(bytesOf("grey16.png"), "grey16.png");
	const expected = Array.from({ length: 34 * 45 }, (_, i) => (i * 42) >> 8);
	expect(
		Array.from({ length: 34 * 45 }, (_, i) => picture.data[3 * i]),
	).toEqual(expected);
});

test("a broken file is one line", async () => {
	const whole = bytesOf("photo.jpg");
	for (const bytes of [
		whole.subarray(0, 400),
		new Uint8Array(),
		Buffer.from("no"),
	]) {
		const result = decodePicture(bytes, "x.jpg");
		await expect(result).rejects.toThrow(UserError);
		await expect(result).rejects.toThrow(/^x\.jpg [^\n]*$/);
	}
});

test("a small file that says it has lines of millions of pixels is refused before it takes memory", async () => {
	const png = Uint8Array.from(bytesOf("plain.png"));
	const view = new DataView(png.buffer);
	view.setUint32(16, 8_388_616);
	view.setUint32(20, 7);
	view.setUint32(29, crc32(png.subarray(12, 29)));
	await expect(decodePicture(png, "f")).rejects.toThrow(
		/^f is no image that can be read: it is 8388616 x 7 pixels, and no side may be longer than 65535$/,
	);
});

test("the square in the middle", () => {
	const data = Uint8Array.from({ length: 5 * 2 }, (_, i) => i);
	const image = { width: 5, height: 2, channels: 1, data };
	expect(centreSquare(image)).toEqual({
		width: 2,
		height: 2,
		channels: 1,
		data: Uint8Array.of(1, 2, 6, 7),
	});
});

describe("what cannot be read rightly is refused in one line", () => {
	/** A little-endian TIFF of 2 x 2 pixels of three bytes. */
	const tiff = (photometric: number, compression = 1) => {
		const entries = [
			[256, 3, 1, 2],
			[257, 3, 1, 2],
			[258, 3, 1, 8],
			[259, 3, 1, compression],
			[262, 3, 1, photometric],
			[273, 4, 1, 8],
			[277, 3, 1, 3],
			[278, 3, 1, 2],
			[279, 4, 1, 12],
		];
		const bytes = Buffer.alloc(20 + 2 + 12 * entries.length + 4);
		bytes.write("II*\0", "latin1");
		bytes.writeUInt32LE(20, 4);
		bytes.fill(128, 8, 20);
		bytes.writeUInt16LE(entries.length, 20);
		entries.forEach(([tag, type, count, value], i) => {
			const at = 22 + 12 * i;
			bytes.writeUInt16LE(tag, at);
			bytes.writeUInt16LE(type, at + 2);
			bytes.writeUInt32LE(count, at + 4);
			bytes.writeUInt32LE(value, at + 8);
		});
		return bytes;
	};
	test("a TIFF of YCbCr pixels, but not one of RGB", async () => {
		expect((await decodePicture(tiff(2), "a.tiff")).data[0]).toBe(128);
		await expect(decodePicture(tiff(6), "a.tiff")).rejects.toThrow(
			/^a\.tiff is a TIFF of YCbCr pixels, .*: save it as RGB, or as PNG$/,
		);
	});
	test.each([
		[
			"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
			/a\.png is no image that can be read: it is a Git-LFS pointer/,
		],
		["<html><body>404</body></html>", /it is a web page/],
		["", /it is empty/],
	])("%j", async (text, reason) => {
		await expect(decodePicture(Buffer.from(text), "a.png")).rejects.toThrow(
			reason,
		);
	});
});
