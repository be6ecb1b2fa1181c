import * as z from "zod";
import { UserError } from "../errors/userError.js";
import { checkJson } from "../files/parseJson.js";
import type { FilterName } from "../image/resize/filters.js";
import { resizePillowBytes } from "../image/resize/pillowBytes.js";
import type { Pixels } from "../image/resize/pixels.js";

/** A preprocessor_config.json of CLIP, parsed. */
export interface ClipPreprocessing {
	/** The shorter edge is brought to this length, when it resizes. */
	readonly shortestEdge?: number;
	readonly filter: FilterName;
	/** A square of this edge is cut out of the centre, when it crops. */
	readonly crop?: number;
	readonly rescale: number;
	readonly mean: readonly number[];
	readonly deviation: readonly number[];
}

const edge = z.int().min(1).max(4096);
const channels = z.array(z.number()).length(3);

/** Numbers stand alone in older files. Defaults are those of transformers' CLIPImageProcessor. */
const preprocessorSchema = z.looseObject({
	do_resize: z.boolean().default(true),
	size: z
		.union([edge, z.looseObject({ shortest_edge: edge })])
		.default({ shortest_edge: 224 }),
	resample: z.int().default(3),
	do_center_crop: z.boolean().default(true),
	crop_size: z
		.union([edge, z.looseObject({ height: edge, width: edge })])
		.default(224),
	do_rescale: z.boolean().default(true),
	rescale_factor: z
		.number()
		.positive()
		.default(1 / 255),
	do_normalize: z.boolean().default(true),
	image_mean: channels.default([0.48145466, 0.4578275, 0.40821073]),
	image_std: channels.default([0.26862954, 0.26130258, 0.27577711]),
});

/** Pillow's numbers of its filters. */
const filterNames: Readonly<Record<number, FilterName>> = {
	1: "lanczos",
	2: "bilinear",
	3: "bicubic",
	4: "box",
};

/** @throws UserError that names what is malformed or not supported. */
export function parseClipPreprocessing(
	json: unknown,
	label = "preprocessor_config.json",
): ClipPreprocessing {
	const config = checkJson(preprocessorSchema, json, label);
	const filter = filterNames[config.resample];
	if (!filter)
		throw new UserError(
			`${label}: resample is ${config.resample}; 1 to 4 can be used`,
		);
	const crop =
		typeof config.crop_size === "number"
			? { height: config.crop_size, width: config.crop_size }
			: config.crop_size;
	if (crop.height !== crop.width)
		throw new UserError(
			`${label}: crop_size is ${crop.width}×${crop.height}, which is not square`,
		);
	const { size } = config;
	return {
		filter,
		...(config.do_resize
			? { shortestEdge: typeof size === "number" ? size : size.shortest_edge }
			: {}),
		...(config.do_center_crop ? { crop: crop.width } : {}),
		rescale: config.do_rescale ? config.rescale_factor : 1,
		mean: config.do_normalize ? config.image_mean : [0, 0, 0],
		deviation: config.do_normalize ? config.image_std : [1, 1, 1],
	};
}

/**
 * An RGB picture as CLIP takes it, as transformers' CLIPImageProcessor on Pillow computes it: resized by the shorter
 * edge, cut to the centre, rescaled, normalized; `[3, crop, crop]`.
 * @throws UserError when the picture is smaller than the crop.
 */
export function preprocessForClip(
	image: Pixels,
	options: ClipPreprocessing,
): Float32Array {
	const resized = resizeShortestEdge(image, options);
	const { width, height, channels: stride, data } = resized;
	const size = options.crop ?? Math.min(width, height);
	const top = Math.floor((height - size) / 2);
	const left = Math.floor((width - size) / 2);
	if (top < 0 || left < 0)
		throw new UserError(
			`a picture of ${width}×${height} is smaller than the ${size}×${size} that CLIP takes`,
		);
	const values = new Float32Array(3 * size * size);
	for (let c = 0; c < 3; c++)
		for (let y = 0; y < size; y++)
			for (let x = 0; x < size; x++) {
				const value = data[((top + y) * width + left + x) * stride + c];
				const rescaled = Math.fround(value * options.rescale);
				values[(c * size + y) * size + x] =
					(rescaled - options.mean[c]) / options.deviation[c];
			}
	return values;
}

function resizeShortestEdge(
	image: Pixels,
	{ shortestEdge, filter }: ClipPreprocessing,
): Pixels {
	if (shortestEdge === undefined) return image;
	const { width, height } = image;
	const other = (long: number, short: number) =>
		Math.trunc((shortestEdge * long) / short);
	return width <= height
		? resizePillowBytes(image, shortestEdge, other(height, width), filter)
		: resizePillowBytes(image, other(width, height), shortestEdge, filter);
}
