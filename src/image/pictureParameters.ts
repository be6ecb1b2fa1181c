import { mustBeBytes } from "../errors/mustBe.js";
import { UserError } from "../errors/userError.js";
import { isJpeg, isWebp, jpegExif, webpExif } from "./exifContainer.js";
import { isPng, readPngText } from "./pngText.js";
import { decodeUserComment } from "./userComment.js";

/**
 * The settings in a picture file's bytes (A1111's `parameters`): a PNG's text, or the EXIF UserComment of a JPEG or WebP; undefined where
 * there are none.
 * @param name what to call it in an error.
 * @throws UserError for a file that is none of these, or damaged.
 */
export async function parametersOf(
	bytes: Uint8Array,
	name: string,
): Promise<string | undefined> {
	mustBeBytes(bytes, name);
	if (isPng(bytes)) return (await readPngText(bytes, name)).get("parameters");
	if (!isJpeg(bytes) && !isWebp(bytes))
		throw new UserError(`${name} is neither a PNG nor a JPEG nor a WebP file`);
	const exif = isJpeg(bytes) ? jpegExif(bytes) : webpExif(bytes);
	return exif && decodeUserComment(exif);
}
