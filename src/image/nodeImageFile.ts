import sharp from "sharp";
import { UserError } from "../errors/userError.js";
import { readRegularFile } from "../files/nodeReadRegularFile.js";
import { writeWhole } from "../files/nodeWriteWhole.js";
import { type EncodeOptions, imageFormat } from "./encodedImage.js";
import { encodeImage } from "./nodeEncodeImage.js";
import { parametersOf } from "./pictureParameters.js";
import { onColour, type PixelImage } from "./pixelImage.js";
import type { RgbImage } from "./rgbImage.js";

/** Pictures of more pixels are refused unless told otherwise: 8192 × 8192. */
const MAX_PIXELS = 8192 * 8192;
/** JPEG's own limit. A file of some bytes that says more is no photograph, and takes memory by its lines. */
const longestSide = 65_535;
/**
 * Formats of pixels. Others that the image library knows are drawn by it (SVG: by the machine's fonts, and for as long as a small file likes),
 * or are none that people have pictures in.
 */
const formats = new Set(["png", "jpeg", "webp", "gif", "tiff", "heif"]);

/** What is wrong with a file that is no picture of pixels, or has lines that no photograph has. */
export function problemOfPicture({
	format,
	width,
	height,
}: {
	readonly format: string;
	readonly width: number;
	readonly height: number;
}): string | undefined {
	if (!formats.has(format))
		return `it is a file of the kind ${format}, not PNG, JPEG, WebP, GIF, TIFF or AVIF`;
	if (Math.max(width, height) > longestSide)
		return `it is ${width} x ${height} pixels, and no side may be longer than ${longestSide}`;
	return undefined;
}

/** No picture's file is longer, in bytes. */
export const longestPicture = 512 * 2 ** 20;

/**
 * Writes a picture, in the format of the file's extension (.png, .jpg, .jpeg, .webp), whole or not at all.
 * @throws UserError for another extension, and where the file cannot be written.
 */
export async function writeImage(
	path: string,
	image: RgbImage,
	options: EncodeOptions = {},
): Promise<void> {
	await writeWhole(path, await encodeImage(image, imageFormat(path), options));
}

/** How pictures are read. */
export interface ReadImageOptions {
	/** Pictures of more pixels are refused: 8192 × 8192 unless told. */
	readonly maxPixels?: number;
}

/**
 * Reads a picture of a format of pixels (PNG, JPEG, WebP, GIF, TIFF, AVIF): the first frame, upright by its EXIF
 * orientation, on white where it is transparent, as 8-bit sRGB.
 * @throws UserError for a file that cannot be read, is no picture, is damaged or has too many pixels.
 */
export async function readImage(
	path: string,
	options: ReadImageOptions = {},
): Promise<RgbImage> {
	return decodeImage(
		await readRegularFile(path, longestPicture),
		path,
		options,
	);
}

/**
 * The picture in a file's bytes; see readImage.
 * @param name what to call it in an error.
 */
export async function decodeImage(
	bytes: Uint8Array,
	name: string,
	options: ReadImageOptions = {},
): Promise<RgbImage> {
	return onColour(await decodePixels(bytes, name, options), [255, 255, 255]);
}

/** As decodeImage, with the picture's alpha where it has one. */
export async function decodePixels(
	bytes: Uint8Array,
	name: string,
	{ maxPixels = MAX_PIXELS }: ReadImageOptions = {},
): Promise<PixelImage> {
	try {
		const picture = sharp(bytes, {
			limitInputPixels: maxPixels,
			failOn: "truncated",
		});
		const wrong = problemOfPicture(await picture.metadata());
		if (wrong) throw new UserError(`${name} cannot be read: ${wrong}`);
		const { data, info } = await picture
			.autoOrient()
			.toColourspace("srgb")
			.raw({ depth: "uchar" })
			.toBuffer({ resolveWithObject: true });
		const { width, height, channels } = info;
		return { width, height, data: coloured(data, channels) };
	} catch (error) {
		if (error instanceof UserError) throw error;
		const message = error instanceof Error ? error.message : String(error);
		const reason = /pixel limit/.test(message)
			? `it has over ${maxPixels} pixels`
			: /unsupported image format|empty/i.test(message)
				? `it is no picture of a known format (PNG, JPEG, WebP, GIF, TIFF, AVIF)${isBitmap(bytes) ? ", but a BMP" : ""}`
				: `it is damaged (${message.split("\n")[0].slice(0, 100)})`;
		throw new UserError(`${name} cannot be read: ${reason}`, { cause: error });
	}
}

/**
 * The settings a picture was made with (A1111's `parameters`): a PNG's text, or the EXIF UserComment of a JPEG or WebP; undefined
 * where there are none.
 * @throws UserError for a file that cannot be read or is none of these.
 */
export async function readParameters(
	path: string,
): Promise<string | undefined> {
	return parametersOf(await readRegularFile(path, longestPicture), path);
}

const isBitmap = ([first, second]: Uint8Array) =>
	first === 0x42 && second === 0x4d;

/** Three bytes a pixel or four, of grey, grey and alpha, RGB or RGBA. */
function coloured(data: Uint8Array, channels: number): Uint8Array {
	if (channels >= 3) return new Uint8Array(data);
	const count = data.length / channels;
	const colours = channels === 2 ? 4 : 3;
	const result = new Uint8Array(count * colours);
	for (let i = 0; i < count; i++) {
		result.fill(data[i * channels], colours * i, colours * i + 3);
		if (channels === 2) result[colours * i + 3] = data[2 * i + 1];
	}
	return result;
}
