import sharp from "sharp";
import { UserError } from "../errors/userError.js";
import { foreignFile } from "../files/foreignFile.js";
import { problemOfPicture } from "../image/nodeImageFile.js";
import type { Pixels } from "../image/resize/pixels.js";
import { isPlainYcbcrTiff } from "./tiffColours.js";

/** More pixels than any photograph of these sets; guards against decompression bombs. */
const maxPixels = 2 ** 26;

/**
 * Decodes an image file to 8-bit RGB: grey and palette spread to three channels, 16 bits cut to 8, CMYK converted, alpha
 * dropped, turned upright as EXIF says, colour profiles ignored (as Pillow's `convert("RGB")` ignores them).
 * @throws UserError that names the file when it is broken or too large.
 */
export async function decodePicture(
	bytes: Uint8Array,
	label: string,
): Promise<Pixels> {
	if (isPlainYcbcrTiff(bytes))
		throw new UserError(
			`${label} is a TIFF of YCbCr pixels, which would be read in wrong colours: save it as RGB, or as PNG`,
			{ code: "unsupported" },
		);
	const foreign = foreignFile(bytes);
	if (foreign && foreign !== "a picture")
		throw new UserError(
			`${label} is no image that can be read: it is ${foreign}`,
			{
				code: "invalid_input",
			},
		);
	try {
		const metadata = await sharp(bytes, {
			limitInputPixels: maxPixels,
		}).metadata();
		const wrong = problemOfPicture(metadata);
		if (wrong) throw new Error(wrong);
		const { data, info } = await sharp(bytes, {
			limitInputPixels: maxPixels,
			failOn: "error",
			// Without its profile, CMYK cannot be converted.
			ignoreIcc: metadata.space !== "cmyk",
			autoOrient: true,
		})
			.toColourspace("srgb")
			.removeAlpha()
			.raw({ depth: "uchar" })
			.toBuffer({ resolveWithObject: true });
		const { width, height, channels } = info;
		if (channels !== 3) throw new Error(`it decodes to ${channels} channels`);
		return { width, height, channels, data };
	} catch (error) {
		const [reason] = String(
			error instanceof Error ? error.message : error,
		).split("\n");
		throw new UserError(
			`${label} is no image that can be read: ${reason.replace(/[:\s]+$/, "")}`,
			{ cause: error },
		);
	}
}

/** The largest square in the middle of a picture, as COCO's images are cut for comparison with square ones. */
export function centreSquare(image: Pixels): Pixels {
	const { width, height, channels, data } = image;
	const size = Math.min(width, height);
	const left = Math.floor((width - size) / 2);
	const top = Math.floor((height - size) / 2);
	const square = new Uint8Array(size * size * channels);
	for (let y = 0; y < size; y++) {
		const start = ((top + y) * width + left) * channels;
		square.set(
			data.subarray(start, start + size * channels),
			y * size * channels,
		);
	}
	return { width: size, height: size, channels, data: square };
}
