import { UserError } from "../errors/userError.js";
import { checkEncoding, type EncodeImage } from "./encodedImage.js";
import { encodePng } from "./encodePng.js";
import { insertJpegExif, insertWebpExif } from "./exifContainer.js";
import { insertPngText } from "./pngText.js";
import type { RgbImage } from "./rgbImage.js";
import { encodeUserComment } from "./userComment.js";

/**
 * A picture as a file, made in the browser: with the settings in a PNG text or an EXIF UserComment as A1111 writes them.
 * @throws UserError when the browser does not write the format, or the settings are too long for a JPEG.
 */
export const canvasEncode: EncodeImage = async (
	image,
	format,
	options = {},
) => {
	checkEncoding(format, options);
	const { parameters, quality = 95 } = options;
	if (format === "png") {
		const png = await encodePng(image);
		return parameters === undefined
			? png
			: insertPngText(png, "parameters", parameters);
	}
	const blob = await painted(image).convertToBlob({
		type: `image/${format}`,
		quality: quality / 100,
	});
	if (blob.type !== `image/${format}`)
		throw new UserError(`this browser writes no ${format} files: take png`, {
			code: "unsupported",
		});
	const bytes = new Uint8Array(await blob.arrayBuffer());
	if (parameters === undefined) return bytes;
	const exif = encodeUserComment(parameters);
	return format === "jpeg"
		? insertJpegExif(bytes, exif)
		: insertWebpExif(bytes, exif, image);
};

/** A canvas that shows a picture, its values as they are. */
function painted({ width, height, data }: RgbImage): OffscreenCanvas {
	const canvas = new OffscreenCanvas(width, height);
	const context = canvas.getContext("2d");
	if (!context)
		throw new UserError("this browser has no canvas to encode pictures with", {
			code: "unsupported",
		});
	const pixels = context.createImageData(width, height);
	pixels.data.set(withAlpha(data));
	context.putImageData(pixels, 0, 0);
	return canvas;
}

/** Red, green and blue with an alpha of 255 behind each. */
export function withAlpha(
	rgb: Uint8Array | Uint8ClampedArray,
): Uint8ClampedArray {
	const rgba = new Uint8ClampedArray((rgb.length / 3) * 4);
	for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
		rgba[to] = rgb[from];
		rgba[to + 1] = rgb[from + 1];
		rgba[to + 2] = rgb[from + 2];
		rgba[to + 3] = 255;
	}
	return rgba;
}
