export {
	type Analysis,
	type AnalyzedBlock,
	type AnalyzeOptions,
	analyzePrompts,
	type Guidance,
} from "./analysis/analyzePrompts.js";
export type { BlockStatistics } from "./analysis/blockStatistics.js";
export type { WatchedBlock } from "./analysis/blocks.js";
export type { FeatureBasis } from "./analysis/featurePca.js";
export {
	verdictSentences,
	writeAnalysisReport,
} from "./analysis/nodeAnalysisReport.js";
export type { Verdict } from "./analysis/verdict.js";
export type { RadialSpectrum } from "./metrics/radialSpectrum.js";
