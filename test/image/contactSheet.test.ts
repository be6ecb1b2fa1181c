import { expect, test } from "vitest";
import { contactSheet } from "../../src/image/nodeContactSheet.js";
import { textWidth, wrapText } from "../../src/image/nodeLabelText.js";
import { type RgbImage, rgbImage } from "../../src/image/rgbImage.js";

const filled = (width: number, height: number, colour: number[]) =>
	rgbImage(
		width,
		height,
		Uint8Array.from({ length: width * height * 3 }, (_, i) => colour[i % 3]),
	);
const RED = [200, 0, 0];
const BLUE = [0, 0, 200];

/** Left, top, right and bottom of the pixels for which `is` holds, and how many there are. */
function box(
	{ width, data }: RgbImage,
	is: (red: number, green: number, blue: number) => boolean,
) {
	const found = { left: 1e9, top: 1e9, right: -1, bottom: -1, count: 0 };
	for (let i = 0; i < data.length; i += 3) {
		if (!is(data[i], data[i + 1], data[i + 2])) continue;
		const x = (i / 3) % width;
		const y = Math.floor(i / 3 / width);
		found.left = Math.min(found.left, x);
		found.right = Math.max(found.right, x);
		found.top = Math.min(found.top, y);
		found.bottom = Math.max(found.bottom, y);
		found.count++;
	}
	return found;
}
const isRed = (r: number, g: number, b: number) => r === 200 && g + b === 0;
const isBlue = (r: number, g: number, b: number) => b === 200 && r + g === 0;
const isInk = (r: number, g: number, b: number) =>
	r < 140 && r === g && g === b;

test("pictures stand side by side, whole, with their labels over and under them", async () => {
	const sheet = await contactSheet([
		{
			image: filled(300, 200, RED),
			above: ["plain"],
			below: ["12.3 s", "27,350 GFLOPs"],
		},
		{ image: filled(300, 200, BLUE), above: ["propagated"] },
	]);
	const red = box(sheet, isRed);
	const blue = box(sheet, isBlue);
	const ink = box(sheet, isInk);
	expect([red.count, blue.count]).toEqual([60_000, 60_000]);
	expect([red.right - red.left, red.bottom - red.top]).toEqual([299, 199]);
	expect(blue.left).toBeGreaterThan(red.right);
	expect(blue.top).toBe(red.top);
	expect(ink.count).toBeGreaterThan(300);
	expect(ink.top).toBeLessThan(red.top - 5);
	expect(ink.bottom).toBeGreaterThan(red.bottom + 20);
	expect(ink.left).toBeGreaterThanOrEqual(red.left - 1);
});

test("small pictures are enlarged by a whole factor", async () => {
	const sheet = await contactSheet([{ image: filled(60, 40, RED) }]);
	expect(box(sheet, isRed).count).toBe(60 * 4 * 40 * 4);
});

test("rows hold as many pictures as there are columns", async () => {
	const image = filled(300, 100, RED);
	const sheet = await contactSheet(
		[{ image }, { image }, { image: filled(300, 50, BLUE) }],
		{ columns: 2, title: "a bowl of ramen" },
	);
	const red = box(sheet, isRed);
	const blue = box(sheet, isBlue);
	expect(red.count).toBe(60_000);
	expect(blue.left).toBe(red.left);
	expect(blue.top).toBeGreaterThan(red.bottom);
	expect(box(sheet, isInk).bottom).toBeLessThan(red.top);
});

test("labels of different letters differ; letters without an outline become boxes", async () => {
	const draw = async (label: string) =>
		(await contactSheet([{ image: filled(300, 10, RED), above: [label] }]))
			.data;
	expect(await draw("ab")).not.toEqual(await draw("ba"));
	expect(await draw("é")).not.toEqual(await draw("e"));
	expect(await draw("拉")).toEqual(await draw("□"));
	expect(await draw("<&\"'>")).not.toEqual(await draw(""));
});

test("text is broken at spaces, inside long words, and ends in … where it is too long", () => {
	const width = textWidth("a bowl of", 16);
	expect(wrapText("a bowl of ramen", width, 16)).toEqual([
		"a bowl of",
		"ramen",
	]);
	const broken = wrapText("x".repeat(30), width, 16, 9);
	expect(broken.join("")).toBe("x".repeat(30));
	const cut = wrapText("a bowl of ramen ".repeat(50_000), width, 16, 2);
	expect(cut).toHaveLength(2);
	expect(cut[1].endsWith("…")).toBe(true);
	for (const line of [...broken, ...cut])
		expect(textWidth(line, 16)).toBeLessThanOrEqual(width);
	expect(wrapText("", width, 16)).toEqual([]);
});

test("no pictures are no sheet", async () => {
	await expect(contactSheet([])).rejects.toThrow(RangeError);
});
