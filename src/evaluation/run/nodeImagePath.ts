import { createHash } from "node:crypto";
import { join } from "node:path";
import { runFolder } from "./nodeRunFolder.js";

/** Where the kept image of a method and caption lies in a run folder. */
export function imagePath(out: string, method: string, index: number): string {
	// ":" and "/" are not welcome in file names everywhere
	const safe = method.replace(/[^A-Za-z0-9.+-]/g, "_");
	// and names of more than 255 bytes nowhere
	const digest = createHash("sha256").update(method).digest("hex");
	const folder =
		safe.length <= 200 ? safe : `${safe.slice(0, 180)}-${digest.slice(0, 10)}`;
	return join(
		runFolder(out).images,
		folder,
		`${String(index).padStart(5, "0")}.png`,
	);
}
