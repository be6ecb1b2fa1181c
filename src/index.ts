export { OptionError } from "./errors/optionError.js";
export { type ErrorCode, UserError } from "./errors/userError.js";
export type {
	EncodeImage,
	EncodeOptions,
	ImageFormat,
} from "./image/encodedImage.js";
export { encodeImage } from "./image/nodeEncodeImage.js";
export {
	parametersOf,
	readImage,
	readParameters,
	writeImage,
} from "./image/nodeImageFile.js";
export type { RgbImage } from "./image/rgbImage.js";
export type { Tiling } from "./models/tiledDecoding.js";
export type { UnetConfig } from "./models/unetConfig.js";
export { optionsJsonSchema } from "./pipeline/checkOptions.js";
export type { DenoisedLatents, DenoiseOptions } from "./pipeline/denoise.js";
export type { DenoisingStep } from "./pipeline/denoisingLoop.js";
export type {
	GeneratedImage,
	ImageCost,
	ImageEncoding,
	ImageJson,
	ImageParts,
	PipelineEvent,
	SettingsSummary,
} from "./pipeline/generatedImage.js";
export {
	type ImageModel,
	imageParameters,
	optionsFromParameters,
	type ParametersOfImage,
} from "./pipeline/imageParameters.js";

export { MODEL_OPTIONS } from "./pipeline/modelOptions.js";
export type { LoadingNotice } from "./pipeline/networkHost.js";
export { loadPipeline } from "./pipeline/nodeLoadPipeline.js";
export type { OptionKind } from "./pipeline/optionKinds.js";
export {
	GENERATION_OPTIONS,
	type GenerateOptions,
	type GenerationOption,
	type OptionEntry,
	type SettledOptions,
} from "./pipeline/options.js";
export type { Pipeline, PipelineOptions } from "./pipeline/pipeline.js";
export type { RunSettings } from "./pipeline/runSettings.js";
export type { TilingChoice } from "./pipeline/tiling.js";
export type { Warning } from "./pipeline/warning.js";
export type {
	Conditioning,
	Denoiser,
	DenoiserOptions,
} from "./propagation/denoiser.js";
export {
	type FeatureExtrapolation,
	type KeyStepPlan,
	keySteps,
} from "./propagation/keyStepPlan.js";
export type { NoiseInjection } from "./propagation/noiseInjection.js";
export { type PlanFile, parsePlanFile } from "./propagation/planFile.js";
export { parseKeySteps } from "./propagation/planStates.js";
export { publishedKeySteps } from "./propagation/publishedKeySteps.js";
export type { StepState } from "./propagation/stepState.js";
export type { UnetRunner } from "./propagation/unetRunner.js";
export type { Seed } from "./random/seed.js";
export type { Device } from "./runtime/session.js";
export {
	SAMPLER_NAMES,
	type Sampler,
	type SamplerName,
} from "./samplers/sampler.js";
export { decodeNpy, encodeNpy } from "./tensor/npy.js";
export type { Tensor } from "./tensor/tensor.js";
export type {
	DownloadProgress,
	OpenModelOptions,
} from "./weights/folder/modelFiles.js";
export { EMBEDDED_MODEL } from "./weights/nodeEmbeddedModels.js";
