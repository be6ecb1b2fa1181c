export {
	type Method,
	parseMethod,
	parseMethodFile,
	parseMethods,
} from "./evaluation/methods/method.js";
export { methodPresets } from "./evaluation/methods/methodPresets.js";
export {
	readRun,
	writeResults,
} from "./evaluation/results/nodeWriteResults.js";
export type { MethodResults, Results } from "./evaluation/results/results.js";
export { resultsTable } from "./evaluation/results/resultsTable.js";
export {
	drawMissing,
	type EvaluationProgress,
	type EvaluationRequest,
	type PreparedRun,
	prepareRun,
	type Shard,
} from "./evaluation/run/nodeEvaluate.js";
export { mergeRuns } from "./evaluation/run/nodeMerge.js";
export type { EvaluationRecord } from "./evaluation/run/record.js";
export { scoreImages } from "./evaluation/scoring/nodeScoreImages.js";
export type { ScorerOptions } from "./evaluation/scoring/nodeScorer.js";
export {
	type MetricName,
	type MetricResult,
	metricNames,
	type ScoreRequest,
	type ScoreResult,
} from "./evaluation/scoring/scoreRequest.js";
