import type { ConfidenceInterval } from "../../metrics/bootstrap.js";
import type { KeyStepPlan } from "../../propagation/keyStepPlan.js";

/** A point of the comparison: what a plan costs and how far it is from the plain run, on held-out prompts. */
export interface FrontPoint {
	readonly series: string;
	readonly label: string;
	/** Times cheaper than the plain run, by the costs of the states. */
	readonly speedup: number;
	/** Seconds in the UNet an image, end to end: the median over the rounds. */
	readonly seconds: number;
	/** Times faster than the plain run in the same round, end to end: the median over the rounds. */
	readonly measuredSpeedup: number;
	/** Relative error of the final latents, with its interval over prompts. */
	readonly error: ConfidenceInterval;
	readonly psnr: number;
	/** Mean LPIPS to the plain run's images, where its weights were given. */
	readonly lpips?: number;
	/** What the search made of a tuned plan on the calibration prompts (see `PlanRuns.objective`). */
	readonly calibration?: number;
	readonly plan?: KeyStepPlan;
	/** The budget a tuned plan was found for, in times faster. */
	readonly budget?: number;
}

/** What "faster" means: summed costs of the states, or UNet seconds measured end to end. */
export type FrontAxis = "cost" | "seconds";

/** Times faster than the plain run. */
export function timesFaster(point: FrontPoint, axis: FrontAxis): number {
	return axis === "cost" ? point.speedup : point.measuredSpeedup;
}
