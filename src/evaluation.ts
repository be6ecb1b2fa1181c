export type {
	CaptionedImages,
	DatasetCaption,
	DatasetImage,
	DatasetProblem,
} from "./datasets/captionedImages.js";
export type { ImageSource } from "./datasets/nodeImageSource.js";
export type { DatasetPlace, OpenDataset } from "./datasets/nodeOpenDataset.js";
export type { ProtocolEntry, ResolvedProtocol } from "./datasets/protocol.js";
export {
	COMMON_OPTIONS,
	type CommonOptions,
} from "./evaluation/methods/commonOptions.js";
export {
	type Method,
	parseMethod,
	parseMethodFile,
	parseMethods,
} from "./evaluation/methods/method.js";
export { methodPresets } from "./evaluation/methods/methodPresets.js";
export type { SettledMethod } from "./evaluation/methods/methodRun.js";
export type { SummaryOptions } from "./evaluation/results/nodeSummarize.js";
export {
	type RunState,
	readRun,
	writeResults,
} from "./evaluation/results/nodeWriteResults.js";
export type {
	Comparison,
	Figure,
	MethodResults,
	QualityDifferences,
	Results,
	Spread,
	WorstCaption,
} from "./evaluation/results/results.js";
export { resultsTable } from "./evaluation/results/resultsTable.js";
export { drawMissing } from "./evaluation/run/nodeDrawMissing.js";
export { mergeRuns } from "./evaluation/run/nodeMerge.js";
export {
	type EvaluationProgress,
	type EvaluationRequest,
	type PreparedRun,
	prepareRun,
	type Shard,
} from "./evaluation/run/nodePrepareRun.js";
export type {
	Records,
	StoredRecord,
} from "./evaluation/run/nodeRecordFiles.js";
export type {
	EvaluationRecord,
	ImageRecord,
	MachineRecord,
} from "./evaluation/run/record.js";
export type { RunDefinition } from "./evaluation/run/runDefinition.js";
export { scoreImages } from "./evaluation/scoring/nodeScoreImages.js";
export type {
	Score,
	Scorer,
	ScorerOptions,
	ScoringDescription,
} from "./evaluation/scoring/nodeScorer.js";
export {
	type MetricName,
	type MetricResult,
	metricNames,
	type ScoreRequest,
	type ScoreResult,
} from "./evaluation/scoring/scoreRequest.js";
export type { FactoredReals } from "./metrics/frechetJackknife.js";
export type { FrechetWork } from "./metrics/frechetWork.js";
export type { Progress } from "./pipeline/progress.js";
