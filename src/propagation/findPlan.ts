import type { PlanFile } from "./planFile.js";
import type { PlanQuality } from "./planQuality.js";

/** The run that a tuned plan is to take the place of. */
export interface WantedRun {
	/** See `modelHash`. */
	readonly model: string;
	readonly sampler: string;
	readonly steps: number;
	readonly guidanceScale: number;
}

/** What a tuned plan is looked up by. */
export interface WantedPlan extends WantedRun {
	/** The least quality. */
	readonly quality: PlanQuality;
}

/** Looks for the plan that `auto` stands for: in folders (nodeFindTunedPlan.ts), among plans that were fetched, in a registry. */
export interface FindPlan {
	(wanted: WantedPlan): PlanFile | undefined;
	/** All plans that fit, where there may be several to choose from. */
	readonly all?: (wanted: WantedRun) => readonly PlanFile[];
}
