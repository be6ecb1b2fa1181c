import { mkdtempSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeFolder } from "../../src/files/nodeMakeFolder.js";
import { writeWhole } from "../../src/files/nodeWriteWhole.js";

const folder = mkdtempSync(join(tmpdir(), "fdiff-folder-"));

test("folders are made with those above them, also by several at once, and may be there", async () => {
	const path = join(folder, "a", "b", "c");
	await Promise.all([makeFolder(path), makeFolder(path), makeFolder(path)]);
	await makeFolder(path);
	expect(statSync(path).isDirectory()).toBe(true);
	await makeFolder(folder);
	await makeFolder("/");
});

test("a file or a link to nothing in the way is an error", async () => {
	writeFileSync(join(folder, "file"), "");
	await expect(makeFolder(join(folder, "file"))).rejects.toThrow("EEXIST");
	await expect(makeFolder(join(folder, "file", "x"))).rejects.toThrow(
		"ENOTDIR",
	);
	symlinkSync("nothing", join(folder, "link"));
	await expect(makeFolder(join(folder, "link", "x"))).rejects.toThrow("E");
});

test.runIf(process.platform === "linux")(
	"a folder that takes no new ones ends in an error, not in a loop",
	async () => {
		await expect(makeFolder("/proc/new/one")).rejects.toThrow("ENOENT");
		await expect(
			writeWhole("/proc/new/file", "", { makeFolder: true }),
		).rejects.toThrow("/proc/new/file cannot be written");
	},
);
