import { join } from "node:path";
import { expect, test } from "vitest";
import { readImage } from "../../src/image/nodeImageFile.js";
import {
	emptyFolder,
	fdiffDone,
	jsonLines,
	listing,
	quick,
} from "./runProgram.js";

test("compare draws one sheet of three pictures and says their costs and differences", async () => {
	const folder = emptyFolder();
	const ended = await fdiffDone(
		[
			"compare",
			"apple",
			...quick,
			"--steps",
			"8",
			"--key-steps",
			"uniform:4",
			"--json",
			"--quiet",
		],
		folder,
	);
	expect(ended.stderr).toBe("");
	const [plain, propagated, fewer, sheet] = jsonLines(ended);
	expect(listing(folder)).toEqual(["compare-apple-5.png"]);
	expect(sheet).toEqual({ event: "sheet", file: "compare-apple-5.png" });
	const { width, height } = await readImage(
		join(folder, "compare-apple-5.png"),
	);
	expect(width).toBeGreaterThan(3 * 64);
	expect(height).toBeGreaterThan(64);
	expect(plain).toMatchObject({
		event: "contender",
		name: "plain, 8 steps",
		seed: "5",
		encoderRuns: 8,
		evaluations: 8,
	});
	expect(plain).not.toHaveProperty("psnr");
	expect(propagated).toMatchObject({
		name: "propagated, 2 of 8 with the encoder",
		encoderRuns: 2,
		evaluations: 8,
	});
	expect(Number(propagated.flops)).toBeLessThan(Number(plain.flops));
	expect(fewer.name).toMatch(/^plain, [1-8] steps$/);
	for (const contender of [propagated, fewer]) {
		// where as many steps take the same time it is the plain picture: an infinite PSNR, which JSON writes as null
		if (contender.name === "plain, 8 steps") expect(contender.psnr).toBeNull();
		else expect(Number(contender.psnr)).toBeGreaterThan(0);
		expect(Number(contender.ssim)).toBeLessThanOrEqual(1);
		expect(Number(contender.seconds)).toBeGreaterThan(0);
	}
});

test("compare writes where it is told, and prints its figures for people", async () => {
	const folder = emptyFolder();
	const { stdout, stderr } = await fdiffDone(
		["compare", "apple", ...quick, "--output", "sheet.webp"],
		folder,
	);
	expect(listing(folder)).toEqual(["sheet.webp"]);
	expect(stdout).toBe("");
	expect(stderr).toMatch(/^plain, 3 steps .*TFLOP in the network$/m);
	expect(stderr).toMatch(/^propagated, .*PSNR .* dB, SSIM /m);
	expect(stderr).toMatch(/^sheet\.webp$/m);
});

test("a tuned plan is held against the run that it takes the place of", async () => {
	for (const words of [
		["--key-steps", "auto"],
		["--quality", "high"],
	]) {
		const ended = await fdiffDone(
			["compare", "apple", "--seed", "5", ...words, "--json", "--quiet"],
			emptyFolder(),
		);
		const [plain, propagated] = jsonLines(ended);
		expect(plain).toMatchObject({ name: "plain, 20 steps", evaluations: 20 });
		expect(Number(propagated.evaluations)).toBeLessThan(20);
	}
});
