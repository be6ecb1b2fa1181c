export {
	type BootstrapOptions,
	bootstrap,
	bootstrapMean,
	type ConfidenceInterval,
} from "./metrics/bootstrap.js";
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
export { type ClipModel, openClipModel } from "./metrics/nodeClipModel.js";
export {
	type InceptionExtractor,
	inceptionExtractor,
} from "./metrics/nodeInceptionExtractor.js";
export {
	type InceptionWeights,
	openInceptionWeights,
} from "./metrics/nodeInceptionWeights.js";
export { type Lpips, openLpips } from "./metrics/nodeLpips.js";
export { psnr } from "./metrics/psnr.js";
export { ssim } from "./metrics/ssim.js";
export {
	decodeStatistics,
	encodeStatistics,
	type StoredStatistics,
} from "./metrics/statisticsFile.js";
