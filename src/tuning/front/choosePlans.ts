import {
	PLAN_QUALITIES,
	type PlanQuality,
	qualityOf,
} from "../../propagation/planQuality.js";
import { type FrontPoint, isFewerSteps } from "./frontPoint.js";

/**
 * For each quality the plan with the fewest calls that has it on held-out prompts, of those that were found and of the simple grids
 * that they are held beside: where a search finds nothing better than a grid, the grid is the plan. One that errs more than
 * another with no more calls is not taken. A better quality is a worse one too, so that each has at most as many calls as the one before.
 */
export function choosePlans(
	points: readonly FrontPoint[],
): ReadonlyMap<PlanQuality, FrontPoint> {
	const chosen = new Map<PlanQuality, FrontPoint>();
	const candidates = points.filter(
		(point) => point.series === "tuned" || isFewerSteps(point),
	);
	const good = candidates
		.filter((point) =>
			candidates.every(
				(other) =>
					other.calls > point.calls || other.logError >= point.logError,
			),
		)
		// what was found before the grid that it is
		.sort(
			(a, b) =>
				a.calls - b.calls ||
				Number(b.series === "tuned") - Number(a.series === "tuned"),
		);
	for (const [rank, quality] of PLAN_QUALITIES.entries()) {
		const best = good.find(({ psnr }) => {
			const own = qualityOf(psnr);
			return own !== undefined && PLAN_QUALITIES.indexOf(own) <= rank;
		});
		if (best) chosen.set(quality, best);
	}
	return chosen;
}
