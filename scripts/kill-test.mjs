// npm run kill-test -- [--kills 200] [--seed N]: kills the program at random moments and checks that nothing is lost, doubled,
// half-written or left over (test/kills). The seed is printed, and repeats the moments as far as a machine's timing does.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
	options: {
		kills: { type: "string", default: "200" },
		seed: { type: "string", default: String(Date.now() % 1_000_000) },
	},
});
const { status } = spawnSync("npx", ["vitest", "run", "test/kills"], {
	stdio: "inherit",
	shell: process.platform === "win32",
	env: { ...process.env, KILLS: values.kills, KILL_SEED: values.seed },
});
process.exitCode = status ?? 1;
