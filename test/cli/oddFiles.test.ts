import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const main = join(import.meta.dirname, "../../dist/cli/main.js");
const folder = mkdtempSync(join(tmpdir(), "odd-"));
const run = (...words: string[]) =>
	spawnSync(process.execPath, [main, ...words], {
		cwd: folder,
		encoding: "utf8",
		timeout: 30_000,
	});

describe.runIf(process.platform === "linux")(
	"a flag that names a device or a pipe is refused at once",
	() => {
		execFileSync("mkfifo", [join(folder, "pipe")]);
		test.each(["/dev/zero", "pipe"])("%s", (path) => {
			for (const words of [
				["x", "--initial-noise", path],
				["--from-image", path],
				["tune", "--captions", path],
				["models", "inspect", path],
				["models", "verify", path],
				["score", path, path, "--metrics", "psnr"],
				["evaluate", "--methods", "ddim-5", "--captions", path],
			]) {
				const { status, stderr } = run(...words);
				expect([words.join(" "), status]).not.toEqual([words.join(" "), 0]);
				expect([words.join(" "), status]).not.toEqual([words.join(" "), null]);
				expect(stderr.trim().split("\n")).toHaveLength(1);
			}
		});
	},
);
