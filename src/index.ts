export { UserError } from "./errors/userError.js";
export { readParameters, writeImage } from "./image/nodeImageFile.js";
export type { RgbImage } from "./image/rgbImage.js";
export type { DenoisingStep } from "./pipeline/denoisingLoop.js";
export type {
	GeneratedImage,
	ImageCost,
	PipelineEvent,
} from "./pipeline/generatedImage.js";
export {
	imageParameters,
	optionsFromParameters,
} from "./pipeline/imageParameters.js";
export { loadPipeline } from "./pipeline/nodeLoadPipeline.js";
export type { GenerateOptions } from "./pipeline/options.js";
export type { Pipeline, PipelineOptions } from "./pipeline/pipeline.js";
export type { RunSettings } from "./pipeline/runSettings.js";
export type {
	Conditioning,
	Denoiser,
	DenoiserOptions,
} from "./propagation/denoiser.js";
export {
	type KeyStepPlan,
	keySteps,
} from "./propagation/keyStepPlan.js";
export { type PlanFile, parsePlanFile } from "./propagation/planFile.js";
export { parseKeySteps } from "./propagation/planStates.js";
export { publishedKeySteps } from "./propagation/publishedKeySteps.js";
export type { Device } from "./runtime/session.js";
export { SAMPLER_NAMES, type SamplerName } from "./samplers/sampler.js";
export { decodeNpy, encodeNpy } from "./tensor/npy.js";
export type { Tensor } from "./tensor/tensor.js";
export type {
	DownloadProgress,
	OpenModelOptions,
} from "./weights/folder/modelFiles.js";
export { EMBEDDED_MODEL } from "./weights/nodeEmbeddedModels.js";
