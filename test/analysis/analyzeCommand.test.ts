import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { decodeNpy } from "../../src/tensor/npy.js";
import { emptyFolder, fdiff, fdiffDone } from "../cli/runProgram.js";

const tiny = join(import.meta.dirname, "..", "models", "tiny-sd");

test("fdiff analyze writes a self-contained page, plots and arrays, and says what it found", async () => {
	const out = emptyFolder();
	const { stdout } = await fdiffDone(
		[
			...["analyze", "a <red> apple", "--model", tiny, "--threads", "1"],
			...["--optimization", "extended", "--sampler", "ddim", "--steps", "3"],
			...["--shown", "2", "--seed", "1", "--quiet", "--out", out],
		],
		out,
	);
	const summary = JSON.parse(await readFile(join(out, "summary.json"), "utf8"));
	expect(stdout).toContain(summary.sentences[0]);
	const { dims } = decodeNpy(
		await readFile(join(out, "similarity.npy")),
		"similarity.npy",
	);
	expect(dims).toEqual([2, summary.blocks.length, 3, 3]);
	const page = await readFile(join(out, "report.html"), "utf8");
	expect(page).toContain("a &lt;red&gt; apple");
	// nothing is loaded from elsewhere
	expect(page).not.toMatch(/(?:src|href)="(?!data:|#)/);
	expect(page).not.toContain("<script");
	const png = await sharp(
		join(out, "plots", "blocks-relativeChange.png"),
	).metadata();
	expect(png.width).toBeGreaterThan(600);
});

test("without prompts it says how to give some", async () => {
	const { code, stderr } = await fdiff(
		["analyze", "--out", "nowhere"],
		emptyFolder(),
	);
	expect(code).toBe(2);
	expect(stderr).toMatch(/^fdiff: .*prompt.*\n$/);
});
