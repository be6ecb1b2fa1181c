import type { FrontPoint } from "./frontPoint.js";

/**
 * What `--key-steps auto` takes: the fastest tuned plan that on held-out prompts errs no more than the paper's plan, and less
 * than any run with fewer steps that is as fast.
 */
export function autoPlan(
	points: readonly FrontPoint[],
): FrontPoint | undefined {
	const paper = points.find(({ series }) => series === "paper");
	if (!paper) return undefined;
	const isBeaten = (plan: FrontPoint) =>
		points.some(
			(other) =>
				other.series === "fewer steps" &&
				other.speedup >= plan.speedup &&
				other.error.estimate <= plan.error.estimate,
		);
	return points
		.filter(
			(point) =>
				point.series === "tuned" &&
				point.error.estimate <= paper.error.estimate &&
				!isBeaten(point),
		)
		.sort((a, b) => b.speedup - a.speedup)[0];
}
