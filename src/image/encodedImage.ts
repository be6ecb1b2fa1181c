import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";
import type { RgbImage } from "./rgbImage.js";

/** The file formats that are written. */
export const IMAGE_FORMATS = ["png", "jpeg", "webp"] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** What goes into a picture's file beside the picture. */
export interface EncodeOptions {
	/** The settings it was made with, as infotext.ts writes them. */
	readonly parameters?: string;
	/** 1 to 100, for JPEG and WebP; 95 unless told. */
	readonly quality?: number;
}

/** Makes a picture's file. Where this program runs decides how. */
export type EncodeImage = (
	image: RgbImage,
	format: ImageFormat,
	options?: EncodeOptions,
) => Promise<Uint8Array<ArrayBuffer>>;

const FORMATS: Record<string, ImageFormat> = {
	".png": "png",
	".jpg": "jpeg",
	".jpeg": "jpeg",
	".webp": "webp",
};

/** Bytes of UTF-16 text that an EXIF segment of a JPEG holds beside its 60 bytes of marks, with some room for longer seeds. */
const LONGEST_JPEG_TEXT = 65_535 - 100;

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

/**
 * Checks that a picture's settings go into its file.
 * @throws UserError when they are longer than the 64 KiB that a JPEG holds
 */
export function checkParameters(format: ImageFormat, parameters: string): void {
	if (format === "jpeg" && 2 * parameters.length > LONGEST_JPEG_TEXT)
		throw new UserError(
			"the prompt and settings are too long to be kept in a JPEG; write a .png or .webp file",
			{ code: "usage" },
		);
}

/** @throws OptionError when a JavaScript caller gave a format, quality or parameters that are none */
export function checkEncoding(
	format: ImageFormat,
	{ quality = 95, parameters }: EncodeOptions,
): void {
	if (!IMAGE_FORMATS.includes(format))
		throw new OptionError(
			"format",
			`${JSON.stringify(format)} is not one of ${IMAGE_FORMATS.join(", ")}`,
		);
	if (!(Number.isInteger(quality) && quality >= 1 && quality <= 100))
		throw new OptionError(
			"quality",
			`${String(quality)} is not a whole number from 1 to 100`,
		);
	if (parameters !== undefined) {
		if (typeof parameters !== "string")
			throw new OptionError("parameters", "they are not a text");
		checkParameters(format, parameters);
	}
}
