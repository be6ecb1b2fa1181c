// npm run fuzz -- [--minutes N] [--inputs N] [--seed S] [--target NAME]… [--from N]: inputs of every kind, in every reader
// (test/fuzz). It ends with what was tried and every fault once; `--target NAME --from N --inputs 1 --seed S` repeats one.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bundleFuzzer } from "../test/fuzz/bundle.mjs";

const words = process.argv.slice(2);
if (!words.includes("--seed"))
	words.push("--seed", String(Date.now() % 1_000_000));
const main = await bundleFuzzer();
const log = join(main, "..", "last-input");
const { status, signal } = spawnSync(
	process.execPath,
	[main, ...words, "--log", log],
	{
		stdio: "inherit",
		// the image library's threads leave gaps in glibc's many arenas, which grow over millions of pictures (sharp's own advice)
		env: { MALLOC_ARENA_MAX: "1", ...process.env },
	},
);
if (signal)
	console.error(
		`ended by ${signal} in ${readFileSync(log, "utf8").trim()} (${words.join(" ")})`,
	);
process.exitCode = status ?? 1;
