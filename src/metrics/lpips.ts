import type { Pixels } from "../image/resize/pixels.js";
import type { LpipsTrunk } from "../models/lpips.js";

/** LPIPS, ready to compare pictures. */
export interface Lpips {
	/** The files' names. */
	readonly label: string;
	readonly trunk: LpipsTrunk;
	/** Of the weights, see `modelHash`. */
	readonly hash: string;
	/** Distance of two RGB pictures of one size: 0 for equal ones. */
	distance(first: Pixels, second: Pixels): Promise<number>;
	release(): Promise<void>;
}
