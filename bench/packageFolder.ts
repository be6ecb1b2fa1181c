import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The package's folder: benchmarks run compiled, in a folder of it, and tests as they are written. */
export const packageFolder = folderAbove(import.meta.dirname);

function folderAbove(folder: string): string {
	return existsSync(join(folder, "package.json"))
		? folder
		: folderAbove(dirname(folder));
}
