/**
 * What a tuned plan was found to lose, on prompts that the search did not see: with `high` nothing visible, with `balanced` small
 * things, with `fast` whatever is left at the most speed. The nearest first.
 */
export type PlanQuality = "high" | "balanced" | "fast";

export const PLAN_QUALITIES = [
	"high",
	"balanced",
	"fast",
] as const satisfies readonly PlanQuality[];

/** Peak signal-to-noise ratios to the plain run's pictures, in dB. */
export interface Nearness {
	readonly median: number;
	/** The tenth percentile: nine pictures of ten are at least as near. */
	readonly tenth: number;
}

/** The least that a plan of each quality must have on held-out prompts. */
const LEAST_NEARNESS: Readonly<Record<PlanQuality, Nearness>> = {
	high: { median: 38, tenth: 30 },
	balanced: { median: 32, tenth: 22 },
	fast: { median: 26, tenth: 18 },
};

/** The best quality that pictures as near as this have, if any. */
export function qualityOf(near: Nearness): PlanQuality | undefined {
	return PLAN_QUALITIES.find((quality) => isAsNear(near, quality));
}

/** Whether pictures are as near as a quality asks for. */
export function isAsNear(near: Nearness, quality: PlanQuality): boolean {
	const least = LEAST_NEARNESS[quality];
	return near.median >= least.median && near.tenth >= least.tenth;
}
