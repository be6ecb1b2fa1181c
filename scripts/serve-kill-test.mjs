// npm run serve-kill-test -- [--jobs 200] [--seed N]: jobs of a server with workers that are killed at random moments; none is
// lost and none is done twice (test/kills/servedJobs.test.ts). The seed is printed.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
	options: {
		jobs: { type: "string", default: "200" },
		seed: { type: "string", default: String(Date.now() % 1_000_000) },
	},
});
const { status } = spawnSync(
	"npx",
	["vitest", "run", "test/kills/servedJobs.test.ts"],
	{
		stdio: "inherit",
		shell: process.platform === "win32",
		env: { ...process.env, KILL_JOBS: values.jobs, KILL_SEED: values.seed },
	},
);
process.exitCode = status ?? 1;
