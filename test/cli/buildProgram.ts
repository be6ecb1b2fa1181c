import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");

/** Builds the program before the tests where a source is newer than it: the command line is tested as it is shipped. */
export function setup(): void {
	const program = join(root, "dist", "cli", "main.js");
	const built = existsSync(program) ? statSync(program).mtimeMs : 0;
	const sources = ["src", "web"]
		.flatMap((folder) =>
			readdirSync(join(root, folder), {
				recursive: true,
				withFileTypes: true,
			}),
		)
		.filter((entry) => entry.isFile());
	const newest = Math.max(
		...sources.map(
			({ parentPath, name }) => statSync(join(parentPath, name)).mtimeMs,
		),
	);
	if (newest <= built) return;
	// type errors do not keep it from being built: `npm run check` is there to find them
	spawnSync("npm", ["run", "--silent", "build"], {
		cwd: root,
		stdio: "inherit",
		shell: process.platform === "win32",
	});
	if (!existsSync(program)) throw new Error("the program cannot be built");
}
