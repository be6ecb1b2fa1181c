import { ofOption } from "../errors/ofOption.js";
import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";
import { isJpeg, isWebp } from "../image/exifContainer.js";
import { decodePixels } from "../image/nodeImageFile.js";
import { parametersOf } from "../image/pictureParameters.js";
import type { PixelImage } from "../image/pixelImage.js";
import { isPng } from "../image/pngText.js";
import { SERVED_OPTIONS } from "../pipeline/optionForm.js";
import {
	GENERATION_OPTIONS,
	type GenerateOptions,
	type OptionEntry,
} from "../pipeline/options.js";
import type { JobRequest } from "./job.js";
import { checkRequest, checkSettings, type ServerLimits } from "./limits.js";
import { modelNote } from "./modelNote.js";
import type { ModelShelf } from "./models.js";

const TABLE: Readonly<Record<string, OptionEntry>> = GENERATION_OPTIONS;

/**
 * The options that a request's JSON says. Nothing is fetched or read from files.
 * @throws OptionError
 */
export async function optionsOfJson(
	json: Readonly<Record<string, unknown>>,
	limits: ServerLimits,
): Promise<Partial<GenerateOptions>> {
	const options: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(json)) {
		if (value === undefined || value === null) continue;
		const entry = Object.hasOwn(TABLE, name) ? TABLE[name] : undefined;
		if (entry && !SERVED_OPTIONS.includes(name))
			throw new OptionError(name, "it cannot be given over HTTP");
		options[name] = entry?.picture
			? await pictureOf(name, value, limits)
			: value;
	}
	checkRequest(options, limits);
	return options;
}

/**
 * The picture of a base64 text or `data:` URL.
 * @throws OptionError
 */
export function pictureOf(
	name: string,
	value: unknown,
	limits: ServerLimits,
): Promise<PixelImage> {
	return decodePicture(name, bytesOfBase64(name, value), limits);
}

/** @throws OptionError when it is no base64 */
export function bytesOfBase64(name: string, value: unknown): Uint8Array {
	const text =
		typeof value === "string"
			? value.replace(/^data:[\w/+.-]{0,80};base64,/, "")
			: "";
	if (text === "" || !/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(text))
		throw new OptionError(name, "it is no picture as base64 or data: URL");
	return Buffer.from(text, "base64");
}

/** @throws OptionError when the bytes are no picture, or one with too many pixels */
export async function decodePicture(
	name: string,
	bytes: Uint8Array,
	{ picturePixels }: Pick<ServerLimits, "picturePixels">,
): Promise<PixelImage> {
	if (!isPng(bytes) && !isJpeg(bytes) && !isWebp(bytes))
		throw new OptionError(name, "it is no PNG, JPEG or WebP");
	return ofOption(name, () =>
		decodePixels(bytes, "the picture", { maxPixels: picturePixels }),
	);
}

/**
 * What `read` makes of the settings inside a picture's file; undefined where there are none.
 * @throws OptionError when the file is damaged, or is no PNG, JPEG or WebP
 */
export async function settingsIn<T>(
	name: string,
	bytes: Uint8Array,
	read: (text: string) => T,
): Promise<T | undefined> {
	try {
		const text = await parametersOf(bytes, "the picture");
		return text === undefined ? undefined : read(text);
	} catch (cause) {
		throw cause instanceof UserError
			? new OptionError(name, cause.message, { cause })
			: cause;
	}
}

/** Who asks, for which model, and how often what is predicted is to be seen where the options do not say it. */
export interface Asked {
	readonly owner: string;
	readonly model?: string;
	readonly previewEvery?: number;
}

/**
 * The job that options ask for, checked by the model and the limits, with its seed settled.
 * @throws OptionError
 */
export function jobRequest(
	options: Partial<GenerateOptions>,
	{ owner, model: name, previewEvery = options.previewEvery ?? 0 }: Asked,
	shelf: ModelShelf,
	limits: ServerLimits,
): JobRequest {
	const { name: model, pipeline } = shelf.named(name);
	const settings = modelNote(pipeline, model, () =>
		pipeline.settings(options as GenerateOptions),
	);
	checkSettings(settings, limits);
	return {
		owner,
		model,
		options: {
			...(options as GenerateOptions),
			seed: settings.options.seed,
			numImages: settings.numImages,
		},
		evaluations: settings.evaluations,
		previewEvery,
		...(pipeline.sharesCalls(settings) && {
			together: `${model} ${settings.width}x${settings.height}`,
		}),
	};
}
