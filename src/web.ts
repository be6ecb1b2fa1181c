/** The entry of the package in browsers: as index.ts, with what loads models there. */
export { encodeImage } from "./image/encodeOnCanvas.js";
export { loadPipeline } from "./pipeline/webLoadPipeline.js";
export type { WebLoadOptions as LoadOptions } from "./pipeline/webOptions.js";
export * from "./portable.js";
export type { StoredFile } from "./weights/web/modelShelf.js";
export type { WebModelSource } from "./weights/web/modelSource.js";
export {
	listModels,
	removeModel,
	type StoredModel,
} from "./weights/web/modelStore.js";
export { droppedModel } from "./weights/web/pickedFiles.js";
