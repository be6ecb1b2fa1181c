import type { EncodeImage } from "./encodedImage.js";

/** A picture as a file, made by the browser; what writes files is fetched with the first one. See `canvasEncode`. */
export const encodeImage: EncodeImage = async (...image) =>
	(await import("./canvasEncode.js")).canvasEncode(...image);
