import type { ConfidenceInterval } from "../../metrics/bootstrap.js";
import { isPlain, type KeyStepPlan } from "../../propagation/keyStepPlan.js";
import type { Nearness } from "../../propagation/planQuality.js";

/** A way to draw with fewer network calls, as it did on held-out prompts. */
export interface FrontPoint {
	/** `tuned`, the words of a plan beside it, or the rule of a grid (`even`, `own`, `karras`, …). */
	readonly series: string;
	/** Network calls an image, parts of the network by their share of the operations. */
	readonly calls: number;
	/** Relative L2 error of the final latents to the plain run's: the mean with its interval over prompts. */
	readonly error: ConfidenceInterval;
	readonly medianError: number;
	/** Mean over the tenth of the prompts where it is greatest. */
	readonly worstError: number;
	/** Mean of the errors' logarithms: what the search makes small. */
	readonly logError: number;
	/** PSNR to the plain run's pictures. */
	readonly psnr: Nearness;
	/** Median seconds in the UNet, all runs of a prompt one after another. */
	readonly seconds: number;
	readonly plan: KeyStepPlan;
}

/** The points of grids alone: plain sampling with fewer steps. */
export const isFewerSteps = ({
	series,
	plan,
}: Pick<FrontPoint, "series" | "plan">) => series !== "tuned" && isPlain(plan);

/** The grid of fewer steps that errs least with so many calls, or fewer. */
export function bestFewer(
	points: readonly FrontPoint[],
	calls: number,
): FrontPoint | undefined {
	return points
		.filter((point) => isFewerSteps(point) && point.calls <= calls)
		.sort((a, b) => a.logError - b.logError)[0];
}
