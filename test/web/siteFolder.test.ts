import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { emptyFolder, root } from "../cli/runProgram.js";

test("building the site leaves a folder alone that holds other files", () => {
	const folder = emptyFolder();
	const kept = join(folder, "thesis.txt");
	writeFileSync(kept, "years of work");
	const { status, stderr } = spawnSync(
		process.execPath,
		[join(root, "scripts", "build-site.mjs"), folder],
		{ encoding: "utf8" },
	);
	expect([status, stderr]).toEqual([
		2,
		`${folder} has files that are no site: name an empty folder, or one that is not there yet\n`,
	]);
	expect(readFileSync(kept, "utf8")).toBe("years of work");
});
