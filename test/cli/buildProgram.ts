import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");

/** Builds the program before the tests where a source is newer than it: the command line is tested as it is shipped. */
export function setup(): void {
	// type errors do not keep it from being built: `npm run check` is there to find them
	spawnSync(process.execPath, [join(root, "scripts", "setup.mjs")], {
		stdio: "inherit",
	});
	if (!existsSync(join(root, "dist", "cli", "main.js")))
		throw new Error("the program cannot be built");
}
