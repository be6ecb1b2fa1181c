import { OptionError } from "../errors/optionError.js";
import type { PixelImage } from "../image/pixelImage.js";
import { brightness, colourOf, onColour } from "../image/pixelImage.js";
import type { ResizeMode } from "../image/resizeModes.js";
import type { Sampler } from "../samplers/sampler.js";
import type { ModelDefaults } from "./modelDefaults.js";
import type { SettledOptions } from "./options.js";
import type { PICTURE_OPTIONS } from "./pictureOptions.js";

/** The options of pictures with their defaults. */
export type SettledPictures = Pick<
	SettledOptions,
	keyof typeof PICTURE_OPTIONS
>;

/** The picture that a run begins with, all checked. */
export interface PictureSettings {
	readonly image: PixelImage;
	readonly strength: number;
	readonly resizeMode: ResizeMode;
	readonly background: readonly [number, number, number];
	/** The part that is drawn anew. */
	readonly mask?: {
		/** One byte a pixel of the picture: from 128 on it is drawn anew. */
		readonly brightness: Uint8Array;
		readonly blur: number;
		readonly content: "original" | "noise" | "fill";
		readonly onlyMasked: boolean;
		readonly padding: number;
	};
}

/** How a picture is drawn on at a larger size. */
export interface HiresSettings {
	readonly width: number;
	readonly height: number;
	readonly strength: number;
	/** The first evaluation at the larger size. */
	readonly start: number;
	readonly upscaler: "lanczos" | "latent";
}

const BLACK = [0, 0, 0] as const;
/** The longest side of a picture. */
const LONGEST = 8192;

/**
 * Checks what was given of pictures.
 * @throws OptionError that names the option
 */
export function pictureSettings(
	options: SettledPictures,
	{
		inpainting,
		encodesPictures,
	}: Pick<ModelDefaults, "inpainting" | "encodesPictures">,
): PictureSettings | undefined {
	const { initImage, mask, hires } = options;
	if (inpainting && !(initImage && mask))
		throw new OptionError(
			initImage ? "mask" : "initImage",
			"this is an inpainting model: it needs a picture and a mask of what is to be drawn anew",
		);
	const encoded = initImage ? "initImage" : hires ? "hires" : undefined;
	if (
		encodesPictures === false &&
		encoded &&
		!(encoded === "hires" && options.hiresUpscaler === "latent")
	)
		throw new OptionError(
			encoded,
			"the autoencoder has no encoder, which makes latents of pictures: take one that is whole",
		);
	if (!initImage) return undefined;
	if (hires !== undefined)
		throw new OptionError(
			"hires",
			"it enlarges pictures that are drawn from words alone; a picture to begin with is drawn larger by giving the width",
		);
	return {
		image: initImage,
		strength: options.strength ?? 1,
		resizeMode: options.resizeMode ?? "crop",
		background: colourOf(options.background ?? "#ffffff"),
		mask: mask && {
			brightness: maskBrightness(mask, initImage),
			blur: options.maskBlur ?? 0,
			content: options.maskedContent ?? "original",
			onlyMasked: options.onlyMasked ?? false,
			padding: options.maskPadding ?? 0,
		},
	};
}

function maskBrightness(mask: PixelImage, image: PixelImage): Uint8Array {
	if (mask.width !== image.width || mask.height !== image.height)
		throw new OptionError(
			"mask",
			`it is ${mask.width} x ${mask.height} pixels, but the picture is ${image.width} x ${image.height}`,
		);
	const bytes = brightness(onColour(mask, BLACK));
	if (!bytes.some((byte) => byte >= 128))
		throw new OptionError(
			"mask",
			"nothing of it is white, so nothing would be drawn anew",
		);
	return bytes;
}

/** @throws OptionError that names the option */
export function hiresSettings(
	{ hires, hiresStrength = 1, hiresUpscaler = "lanczos" }: SettledPictures,
	run: {
		readonly width: number;
		readonly height: number;
		readonly steps: number;
		readonly sampler: Sampler;
		readonly factor: number;
	},
): HiresSettings | undefined {
	if (hires === undefined) return undefined;
	const [width, height] = [run.width, run.height].map(
		(side) => Math.round((side * hires) / run.factor) * run.factor,
	);
	if (Math.max(width, height) > LONGEST)
		throw new OptionError(
			"hires",
			`${hires} times ${run.width} x ${run.height} is larger than ${LONGEST} pixels`,
		);
	return {
		width,
		height,
		strength: hiresStrength,
		start: startOf("hiresStrength", hiresStrength, run.sampler, run.steps),
		upscaler: hiresUpscaler,
	};
}

/**
 * The evaluation that a run of this strength begins at, as diffusers' `get_timesteps` counts: int(steps · strength) steps are run.
 * @throws OptionError when none are
 */
export function startOf(
	option: "strength" | "hiresStrength",
	strength: number,
	{ timesteps, evaluationsPerStep }: Sampler,
	steps: number,
): number {
	const left = steps - Math.trunc(steps * strength);
	const start = left * evaluationsPerStep;
	if (left >= steps || start >= timesteps.length)
		throw new OptionError(
			option,
			`${strength} of ${steps} steps is not one step; use ${Math.ceil(1000 / steps) / 1000} or more`,
		);
	return start;
}
