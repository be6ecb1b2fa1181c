import type { PlanFile } from "./planFile.js";

/** What a tuned plan is looked up by. */
export interface WantedPlan {
	/** See `modelHash`. */
	readonly model: string;
	readonly sampler: string;
	readonly steps: number;
	readonly guidanceScale: number;
}

/** Looks for the plan that `auto` stands for: in folders (nodeFindTunedPlan.ts), among plans that were fetched, in a registry. */
export interface FindPlan {
	(wanted: WantedPlan): PlanFile | undefined;
	/** All plans that fit, where there may be several to choose from. */
	readonly all?: (wanted: WantedPlan) => readonly PlanFile[];
}
