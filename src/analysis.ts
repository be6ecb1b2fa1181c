export {
	type Analysis,
	type AnalyzeOptions,
	analyzePrompts,
} from "./analysis/analyzePrompts.js";
export {
	verdictSentences,
	writeAnalysisReport,
} from "./analysis/nodeAnalysisReport.js";
export type { Verdict } from "./analysis/verdict.js";
