import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { readImage, readParameters } from "../../src/image/nodeImageFile.js";
import { emptyFolder, listing, root } from "../cli/runProgram.js";

const examples = join(root, "examples");

/** Runs an example as a reader would; its lines. */
async function run(name: string, words: string[], cwd: string) {
	const { stdout } = await promisify(execFile)(
		process.execPath,
		[join(examples, name), ...words],
		{ cwd },
	);
	return stdout.trimEnd().split("\n");
}

test("there is a test of every example", () => {
	expect(readdirSync(examples).sort()).toEqual([
		"browser", // test/browser/site.test.ts
		"generate.mjs",
		"own-plan.mjs",
		"progress.mjs",
	]);
});

test("generate.mjs writes an image that carries its settings", async () => {
	const folder = emptyFolder();
	const [line] = await run("generate.mjs", ["green frog", "frog.png"], folder);
	expect(line).toMatch(/^frog\.png: the encoder ran in 16 of 16 steps, /);
	expect(await readParameters(join(folder, "frog.png"))).toMatch(
		/^green frog\n.*Seed: 7/s,
	);
});

test("progress.mjs follows a run and stops it", async () => {
	const lines = await run("progress.mjs", ["green frog", "5"], emptyFolder());
	expect(lines).toHaveLength(6);
	expect(lines[3]).toMatch(
		/^step 4\/20 at t = \d+: key step, \d+ ms, mean latent -?\d/,
	);
	expect(lines[4]).toMatch(/^step 5\/20 .*decoder only/);
	expect(lines[5]).toBe("stopped");
});

test("own-plan.mjs compares plans", async () => {
	const folder = emptyFolder();
	const lines = await run("own-plan.mjs", ["green frog"], folder);
	expect(lines).toHaveLength(3);
	for (const line of lines)
		expect(line).toMatch(
			/^(paper|own|file): \d+ % fewer operations, \d+\.\d of 255 /,
		);
	expect(listing(folder)).toEqual([
		"file.png",
		"own.png",
		"paper.png",
		"plain.png",
	]);
	expect((await readImage(join(folder, "own.png"))).width).toBe(128);
});
