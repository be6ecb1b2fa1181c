/** The entry of the package in Node. */
export { encodeImage } from "./image/nodeEncodeImage.js";
export {
	type ReadImageOptions,
	readImage,
	readParameters,
	writeImage,
} from "./image/nodeImageFile.js";
export { type LoadOptions, loadPipeline } from "./pipeline/nodeLoadPipeline.js";
export * from "./portable.js";
export type { EngineOptions } from "./runtime/nodeEngines.js";
export { EMBEDDED_MODEL } from "./weights/nodeEmbeddedModels.js";
