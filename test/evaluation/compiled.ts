import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
/** Beside src/, so that what the program finds by its own place is where it is in dist/. */
const folder = join(root, "evaluation-test.tmp");

/** Compiles the program for tests that run it in processes of its own; the folder with the JavaScript. */
export function compiled(): string {
	const { status, stdout } = spawnSync(
		process.execPath,
		[
			join(root, "node_modules", "typescript", "bin", "tsc"),
			...["-p", join(root, "tsconfig.build.json"), "--outDir", folder],
			...["--declaration", "false"],
		],
		{ encoding: "utf8" },
	);
	if (status !== 0 && !stdout.includes("error TS"))
		throw new Error(`tsc failed: ${stdout}`);
	return folder;
}
