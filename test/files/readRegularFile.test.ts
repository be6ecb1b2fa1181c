import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readRunDefinition } from "../../src/evaluation/run/nodeRunFolder.js";
import {
	readRegularFile,
	readRegularText,
} from "../../src/files/nodeReadRegularFile.js";
import { findPlanIn } from "../../src/propagation/nodeFindTunedPlan.js";
import { cachedSnapshot } from "../../src/weights/hub/nodeHubCache.js";

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
	it.runIf(process.platform === "linux")(
		"reads what lies in folders of models, runs and the cache: none of it for ever",
		async () => {
			const odd = join(folder, "odd");
			mkdirSync(join(odd, "models--a--b", "refs"), { recursive: true });
			execFileSync("mkfifo", [join(odd, "a.json")]);
			for (const name of ["b.json", "run.json", "models--a--b/refs/main"])
				symlinkSync("/dev/zero", join(odd, name));
			const wanted = {
				...({ model: "0", sampler: "ddim", steps: 5 } as const),
				quality: "balanced" as const,
			};
			expect(
				await findPlanIn([odd])({ ...wanted, guidanceScale: 7.5 }),
			).toBeUndefined();
			await expect(readRunDefinition(odd)).rejects.toThrow(
				/run\.json cannot be read: it is a device/,
			);
			const id = { repo: "a/b", revision: "main" };
			expect(await cachedSnapshot(odd, id)).toBeUndefined();
		},
	);
	it("says that a file is missing", async () => {
		await expect(
			readRegularFile(join(folder, "none"), 100),
		).rejects.toMatchObject({ code: "not_found" });
	});
});
