import * as z from "zod";
import { OptionError } from "../../errors/optionError.js";
import { shown } from "../../errors/shown.js";
import type { PixelImage } from "../../image/pixelImage.js";
import { problemOf } from "../../pipeline/optionKinds.js";
import {
	GENERATION_OPTIONS,
	type GenerateOptions,
	type OptionEntry,
} from "../../pipeline/options.js";
import { samplerByName } from "../../samplers/config/samplerNames.js";
import type { ServerLimits } from "../limits.js";
import { optionsOfJson } from "../requestOptions.js";
import type { ErrorWording } from "../server.js";

/** A1111's fields that are one of our options under another name, with the value that they stand for. */
export const A1111_FIELDS: Readonly<
	Record<string, readonly [option: string, read?: (value: never) => unknown]>
> = {
	prompt: ["prompt"],
	negative_prompt: ["negativePrompt"],
	steps: ["steps"],
	cfg_scale: ["guidanceScale"],
	width: ["width"],
	height: ["height"],
	eta: ["eta"],
	key_steps: ["keySteps"],
	// a seed below 0 is a random one
	seed: ["seed", (seed: number) => (seed < 0 ? undefined : seed)],
};

/** As A1111_FIELDS, where there is a picture to begin with. */
export const A1111_PICTURE_FIELDS: typeof A1111_FIELDS = {
	denoising_strength: ["strength"],
	resize_mode: [
		"resizeMode",
		numbered("resize_mode", ["stretch", "crop", "fit"]),
	],
};

/** As A1111_FIELDS, where there is a mask. */
const MASK_FIELDS: typeof A1111_FIELDS = {
	mask_blur: ["maskBlur"],
	inpainting_fill: [
		"maskedContent",
		numbered("inpainting_fill", ["fill", "original", "noise"]),
	],
	inpaint_full_res: ["onlyMasked", Boolean],
	inpaint_full_res_padding: ["maskPadding"],
};

/** What would change the picture and cannot be had here: refused rather than passed over. */
const UNSUPPORTED: Readonly<Record<string, (value: unknown) => boolean>> = {
	script_name: Boolean,
	restore_faces: Boolean,
	tiling: Boolean,
	subseed_strength: (value) => Number(value) > 0,
	alwayson_scripts: (value) => Object.keys(Object(value)).length > 0,
	styles: (value) => Array.isArray(value) && value.length > 0,
	refiner_checkpoint: Boolean,
};

/** As UNSUPPORTED, where the picture is drawn a second time, larger. */
const HIRES_UNSUPPORTED: Readonly<
	Record<string, (value: unknown, fields: A1111Fields) => boolean>
> = {
	hr_resize_x: (value) => Number(value) > 0,
	hr_resize_y: (value) => Number(value) > 0,
	hr_second_pass_steps: (value, { steps }) =>
		Number(value) > 0 && value !== steps,
	hr_checkpoint_name: (value) =>
		Boolean(value) && value !== "Use same checkpoint",
	hr_sampler_name: (value, { sampler_name }) =>
		Boolean(value) && value !== "Use same sampler" && value !== sampler_name,
	hr_prompt: (value, { prompt }) => Boolean(value) && value !== prompt,
	hr_negative_prompt: (value, { negative_prompt }) =>
		Boolean(value) && value !== negative_prompt,
};

/** What clients send where they leave a field alone. */
const isLeftAlone = (value: unknown) =>
	value === undefined || value === null || value === "";

/** How A1111 calls our options, for errors. */
const NAMES = new Map(
	Object.entries({
		...A1111_FIELDS,
		...A1111_PICTURE_FIELDS,
		...MASK_FIELDS,
	}).map(([field, [option]]) => [option, field]),
);
NAMES.set("sampler", "sampler_name");
NAMES.set("initImage", "init_images");
NAMES.set("hires", "hr_scale");
NAMES.set("numImages", "n_iter");
NAMES.set("model", "sd_model_checkpoint");
NAMES.set("clipSkip", "CLIP_stop_at_last_layers less one");

/** Errors as A1111 words them. */
export const a1111Errors: ErrorWording = {
	prefix: "/sdapi/",
	body({ code, message, option }) {
		const field = option === undefined ? undefined : NAMES.get(option);
		const words =
			field === undefined
				? message
				: message.replace(`${option}: `, `${field}: `);
		return { error: code, detail: words, body: "", errors: words };
	},
};

/** Settings of the server that a request may change for itself. */
const overridesSchema = z.looseObject({
	CLIP_stop_at_last_layers: z.int().min(1).max(100).optional(),
	sd_model_checkpoint: z.string().max(1000).nullish(),
	key_steps: z.string().optional(),
});

/** A request's body. */
export type A1111Fields = Readonly<Record<string, unknown>>;

/** Settings of A1111's that are heard. */
export interface A1111Settings {
	/** A model, by its title, name or hash. */
	readonly checkpoint?: string;
	readonly clipSkip?: number;
	readonly keySteps?: string;
}

/**
 * Reads settings of an owner, or of one request.
 * @param field the one of a request that they stand in
 * @throws OptionError
 */
export function a1111Settings(json: unknown, field?: string): A1111Settings {
	const read = overridesSchema.safeParse(json);
	if (!read.success) {
		const [{ path, message }] = read.error.issues;
		const [setting, ...within] = [field ?? [], path.map(String)].flat();
		throw new OptionError(setting, [...within, message].join(": "));
	}
	const {
		CLIP_stop_at_last_layers: lastLayers,
		sd_model_checkpoint: checkpoint,
		key_steps: keySteps,
	} = read.data;
	return {
		...(lastLayers !== undefined && { clipSkip: lastLayers - 1 }),
		...(checkpoint && { checkpoint }),
		...(keySteps !== undefined && { keySteps }),
	};
}

/**
 * The options that a request of A1111's fields asks for, and its model as A1111's clients call it, where one is named.
 * @param chosen what the owner has set for all requests
 * @throws OptionError for what cannot be had, or is no value of its field
 */
export async function a1111Request(
	fields: A1111Fields,
	{
		fromPicture,
		chosen,
		limits,
	}: {
		readonly fromPicture: boolean;
		readonly chosen: A1111Settings;
		readonly limits: ServerLimits;
	},
): Promise<{
	readonly checkpoint?: string;
	readonly options: Partial<GenerateOptions>;
}> {
	const unsupported: typeof HIRES_UNSUPPORTED = {
		...UNSUPPORTED,
		...(!fromPicture && fields.enable_hr === true && HIRES_UNSUPPORTED),
	};
	for (const [name, isAsked] of Object.entries(unsupported))
		if (isAsked(fields[name], fields))
			throw new OptionError(name, "this server does not have it");
	const overrides = a1111Settings(
		fields.override_settings ?? {},
		"override_settings",
	);
	const given: Record<string, unknown> = {
		// as A1111 understands prompts
		promptWeighting: true,
		longPrompts: true,
		clipSkip: overrides.clipSkip ?? chosen.clipSkip,
		sampler: samplerOf(fields),
		numImages: count(fields, "n_iter") * count(fields, "batch_size"),
		keySteps: overrides.keySteps,
	};
	take(given, A1111_FIELDS, fields);
	// clients send it whatever the sampler is
	if (!takesEta(given.sampler)) delete given.eta;
	if (fromPicture) {
		const pictures = fields.init_images;
		if (!Array.isArray(pictures) || pictures.length !== 1)
			throw new OptionError("initImage", "it is no list of one picture");
		given.initImage = pictures[0];
		take(given, A1111_PICTURE_FIELDS, fields);
		if (!isLeftAlone(fields.mask)) {
			given.mask = fields.mask;
			take(given, MASK_FIELDS, fields);
		}
	} else if (fields.enable_hr === true) {
		given.hires = fields.hr_scale ?? 2;
		given.hiresStrength = fields.denoising_strength ?? undefined;
		given.hiresUpscaler = upscalerOf(fields.hr_upscaler);
	}
	const options: Partial<GenerateOptions> = await optionsOfJson(given, limits);
	const mask = options.mask && maskOf(options.mask);
	return {
		checkpoint: overrides.checkpoint ?? chosen.checkpoint,
		options: mask
			? {
					...options,
					mask: fields.inpainting_mask_invert ? inverted(mask) : mask,
				}
			: options,
	};
}

/** Of a mask that is transparent anywhere A1111 takes the opaque part, whatever its colour; of others the white. */
function maskOf(mask: PixelImage): PixelImage {
	const { width, height, data } = mask;
	if (data.length === 3 * width * height) return mask;
	const transparent = data.some((value, i) => i % 4 === 3 && value < 255);
	return {
		width,
		height,
		data: Uint8Array.from(
			{ length: 3 * width * height },
			(_, i) => data[4 * Math.floor(i / 3) + (transparent ? 3 : i % 3)],
		),
	};
}

/** Adds what the fields say to the options. @throws OptionError for values that are none */
function take(
	given: Record<string, unknown>,
	known: typeof A1111_FIELDS,
	fields: A1111Fields,
): void {
	for (const [field, [option, read]] of Object.entries(known)) {
		const value = fields[field];
		if (isLeftAlone(value) && field !== "prompt") continue;
		const taken = read ? read(value as never) : value;
		const entry = (GENERATION_OPTIONS as Readonly<Record<string, OptionEntry>>)[
			option
		];
		const what = taken === undefined ? undefined : problemOf(entry, taken);
		if (what) throw new OptionError(option, what);
		given[option] = taken;
	}
}

/** "sampler_name" and "scheduler", or the older "sampler_index", as one name. */
function samplerOf(fields: A1111Fields) {
	const { sampler_name, sampler_index, scheduler } = fields;
	const name = isLeftAlone(sampler_name) ? sampler_index : sampler_name;
	const isSpread =
		!isLeftAlone(scheduler) && !/^automatic$/i.test(String(scheduler));
	if (isLeftAlone(name)) {
		if (isSpread)
			throw new OptionError("scheduler", "it goes with a sampler_name");
		return undefined;
	}
	if (typeof name !== "string" || name.length > 100)
		throw new OptionError("sampler", `${shown(name)} is no name`);
	return isSpread ? `${name} ${String(scheduler).slice(0, 60)}` : name;
}

/** A1111's many ways of enlarging latents are one here. */
function upscalerOf(name: unknown): "latent" | "lanczos" {
	if (isLeftAlone(name) || /^(lanczos|none)$/i.test(String(name)))
		return "lanczos";
	if (/^latent/i.test(String(name))) return "latent";
	throw new OptionError(
		"hr_upscaler",
		`${shown(name)} is not here; there are Latent and Lanczos`,
	);
}

/** Reads a number that stands for a word. @throws OptionError */
function numbered(field: string, words: readonly string[]) {
	return (value: number) => {
		const word = words[value];
		if (word === undefined)
			throw new OptionError(
				field,
				`${shown(value)} is not one of ${words.map((each, n) => `${n} (${each})`).join(", ")}`,
			);
		return word;
	};
}

function takesEta(sampler: unknown): boolean {
	return (
		typeof sampler === "string" &&
		["ddim", "tcd"].includes(samplerByName(sampler).name)
	);
}

function count(fields: A1111Fields, name: "n_iter" | "batch_size"): number {
	const value = fields[name] ?? 1;
	if (!Number.isSafeInteger(value) || Number(value) < 1)
		throw new OptionError(name, `${shown(value)} is not a whole number from 1`);
	return Number(value);
}

const inverted = ({ width, height, data }: PixelImage): PixelImage => ({
	width,
	height,
	data: Uint8Array.from(data, (value) => 255 - value),
});
