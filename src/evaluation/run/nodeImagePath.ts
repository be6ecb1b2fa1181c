import { join } from "node:path";
import { runFolder } from "./nodeRunFolder.js";

/** Where the kept image of a method and caption lies in a run folder. */
export function imagePath(out: string, method: string, index: number): string {
	// ":" and "/" are not welcome in file names everywhere
	const folder = method.replace(/[^A-Za-z0-9.+-]/g, "_");
	return join(
		runFolder(out).images,
		folder,
		`${String(index).padStart(5, "0")}.png`,
	);
}
