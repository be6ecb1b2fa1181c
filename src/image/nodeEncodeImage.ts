import sharp, { type Sharp } from "sharp";
import { UserError } from "../errors/userError.js";
import { insertJpegExif, insertWebpExif } from "./exifContainer.js";
import { insertPngText } from "./pngText.js";
import type { RgbImage } from "./rgbImage.js";
import { encodeUserComment } from "./userComment.js";

/** The file formats that are written. */
export type ImageFormat = "png" | "jpeg" | "webp";

/** What goes into a picture's file beside the picture. */
export interface EncodeOptions {
	/** The settings it was made with, as infotext.ts writes them. */
	readonly parameters?: string;
	/** 1 to 100, for JPEG and WebP; 95 unless told. */
	readonly quality?: number;
}

const FORMATS: Record<string, ImageFormat> = {
	".png": "png",
	".jpg": "jpeg",
	".jpeg": "jpeg",
	".webp": "webp",
};

/**
 * The format that a file's name asks for.
 * @throws UserError listing the extensions that are known, for any other.
 */
export function imageFormat(path: string): ImageFormat {
	const extension = /\.[^./\\]*$/.exec(path)?.[0] ?? "";
	const format = FORMATS[extension.toLowerCase()];
	if (!format)
		throw new UserError(
			`${path}: ${extension ? `"${extension}" files are not written` : "a picture's file needs an extension"}; use ${Object.keys(FORMATS).join(", ")}`,
			{ code: "usage" },
		);
	return format;
}

/** A PNG, with the settings in a `parameters` text as A1111 writes it. */
export async function encodePng(
	image: RgbImage,
	{ parameters }: EncodeOptions = {},
): Promise<Uint8Array> {
	const png = new Uint8Array(await pixels(image).png().toBuffer());
	return parameters === undefined
		? png
		: insertPngText(png, "parameters", parameters);
}

/**
 * A picture as a file of the format, with the settings in a PNG text or an EXIF UserComment as A1111 writes them.
 * @throws UserError when the settings are too long for a JPEG.
 */
export async function encodeImage(
	image: RgbImage,
	format: ImageFormat,
	options: EncodeOptions = {},
): Promise<Uint8Array> {
	if (format === "png") return encodePng(image, options);
	const { parameters, quality = 95 } = options;
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
