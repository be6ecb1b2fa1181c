import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const source = join(import.meta.dirname, "..", "..", "src");

test("what is said to callers of the library names options, not flags of the command line", () => {
	const found = readdirSync(source, { recursive: true })
		.map(String)
		.filter((file) => /\.(ts|js)$/.test(file) && !/^cli[\\/]/.test(file))
		.flatMap((file) =>
			readFileSync(join(source, file), "utf8")
				.replace(/\/\*[\s\S]*?\*\/|\/\/ .*/g, "")
				.split("\n")
				.filter(
					(line) =>
						/(?<![\w-])--[a-z]/.test(line) &&
						// a command that the words tell to run, and what another program is given
						!/\bfdiff \w/.test(line) &&
						// the command that makes a run again
						!file.endsWith("resultsDocument.ts") &&
						!/^\s*\.\.\.\[.*"--/.test(line),
				)
				.map((line) => `${file}: ${line.trim()}`),
		);
	expect(found).toEqual([]);
});
