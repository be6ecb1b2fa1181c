export { choosePlans } from "./tuning/front/choosePlans.js";
export type { FrontPoint } from "./tuning/front/frontPoint.js";
export {
	frontJson,
	frontSvg,
	frontTable,
	frontWords,
} from "./tuning/front/frontReport.js";
export {
	type TunedFor,
	tunedPlanFile,
	tunedPlanName,
} from "./tuning/front/tunedPlanFile.js";
export {
	readTuningState,
	writeTuningState,
} from "./tuning/runs/nodeTuningState.js";
export { type PromptSplit, splitPrompts } from "./tuning/runs/promptSplit.js";
export type { TuningState } from "./tuning/runs/tuningState.js";
export {
	type TuneOptions,
	type TuningTarget,
	tunePlans,
	usualCalls,
} from "./tuning/tunePlans.js";
