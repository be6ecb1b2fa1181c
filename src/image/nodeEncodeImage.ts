import sharp, { type Sharp } from "sharp";
import { OptionError } from "../errors/optionError.js";
import {
	checkEncoding,
	type EncodeOptions,
	type ImageFormat,
} from "./encodedImage.js";
import { insertJpegExif, insertWebpExif } from "./exifContainer.js";
import { isPixelImage } from "./pixelImage.js";
import { insertPngText } from "./pngText.js";
import type { RgbImage } from "./rgbImage.js";
import { encodeUserComment } from "./userComment.js";

/**
 * A picture as a file of the format, with the settings in a PNG text or an EXIF UserComment as A1111 writes them.
 * @throws UserError when the settings are too long for a JPEG.
 */
export async function encodeImage(
	image: RgbImage,
	format: ImageFormat,
	options: EncodeOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
	checkEncoding(format, options);
	if (
		!isPixelImage(image) ||
		image.data.length !== 3 * image.width * image.height
	)
		throw new OptionError(
			"image",
			"it is not a picture: its width, its height, and data of three bytes a pixel",
		);
	const { parameters, quality = 95 } = options;
	if (format === "png") {
		const png = new Uint8Array(await pixels(image).png().toBuffer());
		return parameters === undefined
			? png
			: insertPngText(png, "parameters", parameters);
	}
	const coded = new Uint8Array(
		format === "jpeg"
			? await pixels(image)
					.jpeg({ quality, chromaSubsampling: "4:4:4" })
					.toBuffer()
			: await pixels(image).webp({ quality }).toBuffer(),
	);
	if (parameters === undefined) return coded;
	const exif = encodeUserComment(parameters);
	return format === "jpeg"
		? insertJpegExif(coded, exif)
		: insertWebpExif(coded, exif, image);
}

function pixels({ width, height, data }: RgbImage): Sharp {
	return sharp(data, { raw: { width, height, channels: 3 } });
}
