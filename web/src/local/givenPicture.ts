import { OptionError } from "../../../src/errors/optionError.js";
import type { PixelImage } from "../../../src/image/pixelImage.js";

/** More pixels are refused: 4096 x 4096. */
const MOST_PIXELS = 4096 * 4096;

/**
 * The picture of a `data:` URL, with its alpha.
 * @throws OptionError when the browser cannot read it
 */
export async function pictureOf(
	name: string,
	value: unknown,
): Promise<PixelImage> {
	const bitmap = await decoded(value).catch((cause: unknown) => {
		throw new OptionError(name, "it is no PNG, JPEG or WebP", { cause });
	});
	const { width, height } = bitmap;
	if (width * height > MOST_PIXELS)
		throw new OptionError(
			name,
			`${width} x ${height} is over the ${MOST_PIXELS} pixels that are read here`,
		);
	const context = new OffscreenCanvas(width, height).getContext("2d");
	if (!context) throw new OptionError(name, "this browser has no canvas");
	context.drawImage(bitmap, 0, 0);
	bitmap.close();
	return context.getImageData(0, 0, width, height);
}

async function decoded(value: unknown): Promise<ImageBitmap> {
	if (
		typeof value !== "string" ||
		!/^data:image\/(png|jpeg|webp);base64,/.test(value)
	)
		throw new TypeError("no data: URL");
	const blob = await (await fetch(value)).blob();
	return createImageBitmap(blob, {
		premultiplyAlpha: "none",
		colorSpaceConversion: "none",
	});
}
