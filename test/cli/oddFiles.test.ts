import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { emptyFolder, manyRuns } from "./runProgram.js";

const folder = emptyFolder();
const run = manyRuns();

describe.runIf(process.platform === "linux")(
	"a flag that names a device or a pipe is refused at once",
	() => {
		execFileSync("mkfifo", [join(folder, "pipe")]);
		test.each(["/dev/zero", "pipe"])("%s", async (path) => {
			for (const words of [
				["x", "--initial-noise", path],
				["--from-image", path],
				["tune", "--captions", path],
				["models", "inspect", path],
				["models", "verify", path],
				["score", path, path, "--metrics", "psnr"],
				["evaluate", "--methods", "ddim-5", "--captions", path],
			]) {
				const { code, stderr } = await run(words, folder);
				expect([words.join(" "), code]).not.toEqual([words.join(" "), 0]);
				expect(stderr.trim().split("\n")).toHaveLength(1);
			}
		});
	},
);
