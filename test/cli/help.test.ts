import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commandNames, withTables } from "../../scripts/write-docs.mjs";
import { done, fdiffDone, manyRuns, root } from "./runProgram.js";

const run = manyRuns();
const doc = readFileSync(join(root, "docs", "command-line.md"), "utf8");

test("docs/command-line.md has the flags of every command as they are", async () => {
	expect(await withTables(doc)).toBe(doc);
	for (const name of await commandNames())
		expect(doc).toContain(`<!-- flags of ${name} -->`);
});

test.each([
	[],
	["generate"],
	["compare"],
	["models"],
	["models", "pull"],
	["models", "verify"],
	["models", "inspect"],
	["dataset"],
	["dataset", "pull"],
	["dataset", "list"],
	["models", "list"],
	["score"],
	["evaluate"],
	["analyze"],
	["tune"],
	["merge"],
	["serve"],
	["mcp"],
	["worker"],
])("--help of %s shows examples", async (...words) => {
	const { stdout } =
		words.length === 0
			? await fdiffDone(["--help"], root)
			: done(await run([...words, "--help"], root));
	expect(stdout).toMatch(/^Usage: fdiff/);
	expect(stdout).toMatch(/^Examples:\n {2}\$ fdiff /m);
});
