export { autoPlan } from "./tuning/front/autoPlan.js";
export type { FrontAxis, FrontPoint } from "./tuning/front/frontPoint.js";
export { frontJson, frontSvg, frontTable } from "./tuning/front/frontReport.js";
export {
	type TunedFor,
	tunedPlanFile,
	tunedPlanName,
} from "./tuning/front/tunedPlanFile.js";
export {
	readTuningState,
	writeTuningState,
} from "./tuning/runs/nodeTuningState.js";
export type { StateCosts } from "./tuning/runs/planCost.js";
export { type PromptSplit, splitPrompts } from "./tuning/runs/promptSplit.js";
export type { TuneOptions } from "./tuning/runs/tuneOptions.js";
export {
	parseTuningBudget,
	type TuningBudget,
} from "./tuning/runs/tuningBudget.js";
export type { TuningState } from "./tuning/runs/tuningState.js";
export {
	type TriedInjection,
	type TuneInjectionOptions,
	tuneInjection,
} from "./tuning/tuneInjection.js";
export { type TuneResult, tunePlans } from "./tuning/tunePlans.js";
