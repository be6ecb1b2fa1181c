import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fdiffDone, root } from "./runProgram.js";

const doc = readFileSync(join(root, "docs", "command-line.md"), "utf8");

/** The flags in the tables of a section of docs/command-line.md. */
function documented(heading: string): string[] {
	const [, section] = doc.split(new RegExp(`^##+ ${heading}$`, "m"));
	if (section === undefined) throw new Error(`no section "${heading}"`);
	const [own] = section.split(/^##/m);
	return [...own.matchAll(/^\| `(--[a-z-]+)/gm)].map(([, flag]) => flag);
}

const drawing = "Drawing: flags of generate and compare";

test.each([
	["generate", [drawing, "generate"]],
	["compare", [drawing, "compare"]],
	["models list", ["models list"]],
	["models pull", ["models pull"]],
	["models verify", ["models verify"]],
	["models inspect", ["models inspect"]],
])(
	"every flag of %s is documented, and every documented flag is one",
	async (command, sections) => {
		const { stdout } = await fdiffDone([...command.split(" "), "--help"], root);
		const flags = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)]
			.map(([, flag]) => flag)
			.filter((flag) => flag !== "--help");
		expect(flags.length).toBeGreaterThan(0);
		expect(sections.flatMap(documented).sort()).toEqual(flags.sort());
	},
);

test.each([
	[],
	["generate"],
	["compare"],
	["models"],
	["models", "pull"],
	["models", "verify"],
	["models", "inspect"],
	["dataset"],
	["score"],
	["evaluate"],
	["analyze"],
	["tune"],
	["merge"],
	["worker"],
])("--help of %s shows examples", async (...words) => {
	const { stdout } = await fdiffDone([...words, "--help"], root);
	expect(stdout).toMatch(/^Usage: fdiff/);
	expect(stdout).toMatch(/^Examples:\n {2}\$ fdiff /m);
});
