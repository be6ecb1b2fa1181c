import { execFileSync } from "node:child_process";
import { mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
	readRegularFile,
	readRegularText,
} from "../../src/files/nodeReadRegularFile.js";

const folder = mkdtempSync(join(tmpdir(), "regular-"));
const path = join(folder, "a.txt");
writeFileSync(path, "abcde");

describe("readRegularFile", () => {
	it("reads a file, also through a link and where its size says 0", async () => {
		symlinkSync(path, join(folder, "link"));
		expect(await readRegularText(join(folder, "link"), 5)).toBe("abcde");
		if (process.platform === "linux")
			expect(await readRegularText("/proc/self/status", 1e6)).toMatch(/^Name:/);
	});
	it("refuses more than the limit", async () => {
		await expect(readRegularFile(path, 4)).rejects.toThrow(
			/a\.txt is longer than the 4 bytes/,
		);
	});
	it.runIf(process.platform === "linux")(
		"refuses devices, pipes and folders, and does not wait for them",
		async () => {
			const pipe = join(folder, "pipe");
			execFileSync("mkfifo", [pipe]);
			for (const odd of ["/dev/zero", pipe])
				await expect(
					readRegularFile(odd, 100, { label: `--latents ${odd}` }),
				).rejects.toThrow(
					`--latents ${odd} cannot be read: it is a device or pipe, not a file`,
				);
			await expect(readRegularFile(folder, 100)).rejects.toThrow(
				/it is a folder/,
			);
		},
	);
	it("says that a file is missing", async () => {
		await expect(
			readRegularFile(join(folder, "none"), 100),
		).rejects.toMatchObject({ code: "not_found" });
	});
});
