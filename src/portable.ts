/** What the package exports in Node and in browsers alike. */
export type { AskedPlan } from "./accelerators/planWords.js";
export type { ChosenPlan } from "./accelerators/resolvePlan.js";
export { OptionError } from "./errors/optionError.js";
export { type ErrorCode, UserError } from "./errors/userError.js";
export {
	type EncodeImage,
	type EncodeOptions,
	IMAGE_FORMATS,
	type ImageFormat,
} from "./image/encodedImage.js";
export { parametersOf } from "./image/pictureParameters.js";
export type { PixelImage } from "./image/pixelImage.js";
export { RESIZE_MODES, type ResizeMode } from "./image/resizeModes.js";
export type { RgbImage } from "./image/rgbImage.js";
export type { Tiling } from "./models/tiledDecoding.js";
export type {
	UnetConfig,
	UnetLevel,
	UnetMidBlock,
} from "./models/unetConfig.js";
export type { UnetDims, UnetPart } from "./models/unetPart.js";
export {
	ADAPTER_OPTIONS,
	type EmbeddingOption,
	type LoraOption,
} from "./pipeline/adapterOptions.js";
export { optionsJsonSchema } from "./pipeline/checkOptions.js";
export type { Control } from "./pipeline/controlledUnet.js";
export type { ControlNetFiles } from "./pipeline/controlNetworks.js";
export { CONTROL_OPTIONS } from "./pipeline/controlOptions.js";
export type { ControlSettings } from "./pipeline/controlSettings.js";
export type {
	DenoisedLatents,
	DenoiseOptions,
	RunCost,
} from "./pipeline/denoise.js";
export type { DenoisingRun, DenoisingStep } from "./pipeline/denoisingLoop.js";
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
export type { ModelDefaults } from "./pipeline/modelDefaults.js";
export { MODEL_OPTIONS } from "./pipeline/modelOptions.js";
export type { LoadingNotice } from "./pipeline/networkHost.js";
export type { NetworkOptions } from "./pipeline/networks.js";
export type { OptionKind } from "./pipeline/optionKinds.js";
export {
	type DefaultBasis,
	GENERATION_OPTIONS,
	type GenerateOptions,
	type GenerationOption,
	type OptionEntry,
	type OptionGroup,
	type OptionParameter,
	type RunHooks,
	type SettledOptions,
} from "./pipeline/options.js";
export {
	type GivenPictures,
	PICTURE_OPTIONS,
} from "./pipeline/pictureOptions.js";
export type {
	HiresSettings,
	PictureSettings,
} from "./pipeline/pictureSettings.js";
export type { Pipeline, PipelineOptions } from "./pipeline/pipeline.js";
export type { FindLora, OpenAdapterFile } from "./pipeline/runAdapters.js";
export type { RunSettings } from "./pipeline/runSettings.js";
export type { TilingChoice } from "./pipeline/tiling.js";
export type { TunedPlan } from "./pipeline/tunedPlans.js";
export type { Warning } from "./pipeline/warning.js";
export type {
	Conditioning,
	Denoiser,
	DenoiserOptions,
	DenoiserRequest,
} from "./propagation/denoiser.js";
export type { ExtrapolationAxis } from "./propagation/extrapolate.js";
export type {
	FindPlan,
	WantedPlan,
	WantedRun,
} from "./propagation/findPlan.js";
export {
	type AcceleratorSpec,
	type FeatureExtrapolation,
	type KeyStepPlan,
	keySteps,
} from "./propagation/keyStepPlan.js";
export type { NoiseInjection } from "./propagation/noiseInjection.js";
export { type PlanFile, parsePlanFile } from "./propagation/planFile.js";
export type { Nearness, PlanQuality } from "./propagation/planQuality.js";
export { parseKeySteps } from "./propagation/planStates.js";
export { publishedKeySteps } from "./propagation/publishedKeySteps.js";
export type { PlannedStep } from "./propagation/segments.js";
export type { StepState } from "./propagation/stepState.js";
export type { UnetRunner, UnetRunPlace } from "./propagation/unetRunner.js";
export type { Seed } from "./random/seed.js";
export type { EngineName } from "./runtime/engine.js";
export type { Device } from "./runtime/session.js";
export type { LatentSpace } from "./samplers/latentSpace.js";
export {
	SAMPLER_NAMES,
	type Sampler,
	type SamplerName,
	type Schedule,
} from "./samplers/sampler.js";
export type { Times } from "./samplers/schedules/timeGrid.js";
export { decodeNpy, encodeNpy } from "./tensor/npy.js";
export type { Tensor } from "./tensor/tensor.js";
export type { LoraTag } from "./tokenizer/loraTags.js";
export type { AdapterFile } from "./weights/adapters/openAdapter.js";
export type {
	DownloadProgress,
	NetworkFiles,
	OpenModelOptions,
} from "./weights/folder/modelFiles.js";
export type {
	OpenWeightFile,
	ReadableFile,
} from "./weights/formats/weightFile.js";
