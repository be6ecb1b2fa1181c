import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { readImage, readParameters } from "../../src/image/nodeImageFile.js";
import {
	done,
	emptyFolder,
	jsonLines,
	listing,
	manyRuns,
	quick,
	root,
} from "./runProgram.js";

const folder = emptyFolder();
const run = manyRuns();
const runDone = async (...words: string[]) => done(await run(words, folder));

const write = (name: string, channels: 3 | 4, fill: (i: number) => number) =>
	sharp(
		Uint8Array.from({ length: 64 * 64 * channels }, (_, i) => fill(i)),
		{
			raw: { width: 64, height: 64, channels },
		},
	)
		.png()
		.toFile(join(folder, name));

beforeAll(async () => {
	await write("picture.png", 3, (i) => (i * 7) % 256);
	await write("clear.png", 4, (i) => (i % 4 === 3 ? 0 : 200));
	await write("green.png", 3, (i) => (i % 3 === 1 ? 255 : 0));
	// the lower half
	await write("mask.png", 3, (i) => (i >= 64 * 32 * 3 ? 255 : 0));
	await write("black.png", 3, () => 0);
	copyFileSync(
		join(root, "test/golden/pictures/rotated.jpg"),
		join(folder, "rotated.jpg"),
	);
	const upright = sharp(join(folder, "rotated.jpg")).autoOrient();
	await upright.png().toFile(join(folder, "upright.png"));
	writeFileSync(join(folder, "words.png"), "no picture");
});

const draw = async (output: string, ...flags: string[]) => {
	await runDone("apple", ...quick, ...flags, "--output", output);
	return readImage(join(folder, output));
};

test("a picture is begun with; its text says so, and makes it again with the same picture", async () => {
	const first = await draw(
		"first.png",
		...["--init-image", "picture.png", "--strength", "0.7"],
	);
	expect(await readParameters(join(folder, "first.png"))).toContain(
		"Init image: given, Denoising strength: 0.7, Resize mode: Crop and resize,",
	);
	const from = ["--from-image", "first.png", "--output", "again.png"];
	const { code, stderr } = await run([...from, ...quick], folder);
	expect([code, stderr]).toEqual([
		2,
		"fdiff: --from-image first.png: made from a picture; give it again with --init-image\n",
	]);
	const again = ["--init-image", "picture.png", ...quick.slice(0, 2)];
	await runDone(...from, ...again);
	expect(await readImage(join(folder, "again.png"))).toEqual(first);
});

test("a picture made with a control net and a mask says all that is to be given again", async () => {
	const parts = [
		...["--init-image", "picture.png", "--mask", "mask.png"],
		...["--control-image", "green.png"],
		...["--controlnet", join(root, "test/models/tiny-control")],
	];
	const first = await draw("controlled.png", ...parts);
	const from = ["--from-image", "controlled.png", "--output", "again.png"];
	const model = quick.slice(0, 2);
	expect(await run([...from, ...model, ...parts.slice(0, 4)], folder)).toEqual({
		code: 2,
		stdout: "",
		stderr:
			"fdiff: --from-image controlled.png: made from pictures for control nets and the control net tiny-control; give them again with --control-image and --controlnet\n",
	});
	const { stderr } = await run([...from, ...model], folder);
	expect(stderr).toMatch(
		/made from a (picture|mask) and a (picture|mask) and pictures .*; give them again with .*--mask.* and --controlnet\n$/,
	);
	await runDone(...from, ...model, ...parts);
	expect(await readImage(join(folder, "again.png"))).toEqual(first);
});

test("photographs are turned as their EXIF says, and what is transparent lies on a colour", async () => {
	const half = ["--strength", "0.7", "--init-image"];
	expect(await draw("a.png", ...half, "rotated.jpg")).toEqual(
		await draw("b.png", ...half, "upright.png"),
	);
	expect(
		await draw("c.png", ...half, "clear.png", "--background", "#00ff00"),
	).toEqual(await draw("d.png", ...half, "green.png"));
});

test("only what is white is drawn anew", async () => {
	const picture = await readImage(join(folder, "picture.png"));
	const { data } = await draw(
		"masked.png",
		...["--init-image", "picture.png", "--mask", "mask.png"],
	);
	const half = 64 * 32 * 3;
	expect(data.subarray(0, half)).toEqual(picture.data.subarray(0, half));
	expect(data.subarray(half)).not.toEqual(picture.data.subarray(half));
});

test("a picture is drawn on at twice the size", async () => {
	const ended = await runDone(
		...["apple", ...quick, "--hires", "2x", "--output", "large.png", "--json"],
	);
	expect(jsonLines(ended)[0]).toMatchObject({
		width: 128,
		height: 128,
		evaluations: 4,
	});
	expect(await readParameters(join(folder, "large.png"))).toContain(
		"Hires upscale: 2, Denoising strength: 0.5, Hires upscaler: Lanczos,",
	);
});

test("compare takes pictures too", async () => {
	await runDone(
		...["compare", "apple", ...quick, "--steps", "4"],
		...["--init-image", "picture.png", "--strength", "0.5"],
		...["--output", "compare.png"],
	);
	expect(listing(folder)).toContain("compare.png");
});

describe("one line, exit code 2, nothing written", () => {
	const begin = ["--init-image", "picture.png"];
	test.each<[string[], RegExp]>([
		[["--init-image", "none.png"], /--init-image: none\.png does not exist/],
		[
			["--init-image", "words.png"],
			/--init-image: words\.png cannot be read: it is no picture/,
		],
		[
			[...begin, "--mask", "words.png"],
			/--mask: words\.png cannot be read: it is no picture/,
		],
		[[...begin, "--mask", "rotated.jpg"], /--mask: it is 34 x 45 pixels, but/],
		[[...begin, "--mask", "black.png"], /--mask: nothing of it is white/],
		[["--mask", "mask.png"], /--mask: there is no picture to begin with/],
		[[...begin, "--strength", "1.1"], /--strength: 1\.1 is not a number/],
		[[...begin, "--strength", "0.1"], /--strength: 0\.1 of 3 steps is not one/],
		[["--strength", "0.5"], /--strength: there is no picture to begin with/],
		[[...begin, "--hires", "2x"], /--hires: it enlarges pictures/],
		[["--hires", "big"], /--hires: "big" is not a number/],
		[
			[...begin, "--background", "blue"],
			/--background: "blue" is not a colour such as "#ffffff"/,
		],
		[
			["--control-edges", "a,b"],
			/--control-edges: "a,b" is not two thresholds such as 100,200/,
		],
	])("%j", async (flags, line) => {
		const output = ["--output", "refused.png"];
		const { code, stderr } = await run(
			["apple", ...quick, ...flags, ...output],
			folder,
		);
		expect(stderr).toMatch(line);
		expect(stderr.trimEnd().split("\n")).toHaveLength(1);
		expect(code).toBe(2);
		expect(listing(folder)).not.toContain("refused.png");
	});
});
