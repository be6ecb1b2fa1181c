import {
	PLAN_QUALITIES,
	type PlanQuality,
	qualityOf,
} from "../../propagation/planQuality.js";
import { bestFewer, type FrontPoint } from "./frontPoint.js";

/**
 * For each quality the tuned plan with the fewest calls that has it on held-out prompts and that no grid of as many steps beats
 * there. A better quality is a worse one too, so that each has at most as many calls as the one before.
 */
export function choosePlans(
	points: readonly FrontPoint[],
): Map<PlanQuality, FrontPoint> {
	const chosen = new Map<PlanQuality, FrontPoint>();
	const good = points
		.filter((point) => {
			const fewer = bestFewer(points, point.calls);
			return (
				point.series === "tuned" && !(fewer && fewer.logError < point.logError)
			);
		})
		.sort((a, b) => a.calls - b.calls);
	for (const [rank, quality] of PLAN_QUALITIES.entries()) {
		const best = good.find(({ psnr }) => {
			const own = qualityOf(psnr);
			return own !== undefined && PLAN_QUALITIES.indexOf(own) <= rank;
		});
		if (best) chosen.set(quality, best);
	}
	return chosen;
}
