export type { Pixels } from "./image/resize/pixels.js";
export {
	type BootstrapOptions,
	bootstrap,
	bootstrapMean,
	type ConfidenceInterval,
} from "./metrics/bootstrap.js";
export type { ClipModel } from "./metrics/clipModel.js";
export {
	cosines,
	hesselClipScores,
	hesselPrefix,
	torchmetricsClipScore,
} from "./metrics/clipScore.js";
export { cmmd } from "./metrics/cmmd.js";
export {
	accumulateStatistics,
	type FeatureStatistics,
	type StatisticsAccumulator,
	type StatisticsState,
	statisticsOf,
} from "./metrics/featureStatistics.js";
export type { Features, InnerProducts } from "./metrics/features.js";
export {
	type FrechetDistance,
	frechetDistance,
} from "./metrics/frechetDistance.js";
export {
	type FidVariant,
	fidVariants,
	preprocessForInception,
} from "./metrics/inceptionPreprocessing.js";
export { inceptionScore } from "./metrics/inceptionScore.js";
export {
	type KernelDistanceOptions,
	kernelDistance,
} from "./metrics/kernelDistance.js";
export type { Lpips } from "./metrics/lpips.js";
export type { MeanAndDeviation } from "./metrics/meanAndDeviation.js";
export { openClipModel } from "./metrics/nodeClipModel.js";
export {
	type InceptionExtractor,
	inceptionExtractor,
} from "./metrics/nodeInceptionExtractor.js";
export {
	type InceptionWeights,
	type InceptionWeightsOptions,
	openInceptionWeights,
} from "./metrics/nodeInceptionWeights.js";
export { openLpips } from "./metrics/nodeLpips.js";
export { psnr } from "./metrics/psnr.js";
export { ssim } from "./metrics/ssim.js";
export {
	decodeStatistics,
	encodeStatistics,
	type StoredStatistics,
} from "./metrics/statisticsFile.js";
export type { InceptionOutput } from "./models/inception.js";
export type { LpipsTrunk } from "./models/lpips.js";
export type { Precision, SessionOptions } from "./runtime/session.js";
export type {
	DType,
	Factor,
	FactoredMatrix,
	TensorEntry,
	WeightChange,
	WeightFile,
	Weights,
} from "./weights/formats/weights.js";
