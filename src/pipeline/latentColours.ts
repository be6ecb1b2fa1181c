import * as z from "zod";
import { UserError } from "../errors/userError.js";
import { checkJson } from "../files/parseJson.js";
import type { RgbImage } from "../image/rgbImage.js";
import type { AutoencoderConfig } from "../models/vaeConfig.js";
import type { Tensor } from "../tensor/tensor.js";

/** A map from latents to colours, linear or through one hidden layer: what previews are made with where decoding would take too long. */
export interface LatentColours {
	/** Latents across a square that a colour is made of: 1, or 3 for those around a latent too. */
	readonly kernel: 1 | 3;
	/** Pixels a latent stands for, each way. */
	readonly scale: number;
	/**
	 * Where there is a hidden layer: a row for each latent of the square (channel by channel, each from the top), and a last one that is
	 * constant; a column for each of its units, of which what is below 0 counts as 0.
	 */
	readonly hidden?: readonly (readonly number[])[];
	/**
	 * A row for each hidden unit, else for each latent of the square, and a last one that is constant; a column for each colour and pixel
	 * (red, green, blue, each from the top): -1 to 1.
	 */
	readonly factors: readonly (readonly number[])[];
}

/**
 * Of Stable Diffusion 1.x and 2.x, whose autoencoders share their latents: "Decoding latents to RGB without upscaling"
 * (discuss.huggingface.co/t/23204).
 */
const STABLE_DIFFUSION: LatentColours = {
	kernel: 1,
	scale: 1,
	factors: [
		[0.298, 0.207, 0.208],
		[0.187, 0.286, 0.173],
		[-0.158, 0.189, 0.264],
		[-0.184, -0.271, -0.473],
		[0, 0, 0],
	],
};

const schema = z.object({
	kernel: z.literal([1, 3]),
	scale: z.int().min(1).max(8),
	hidden: z.array(z.array(z.number()).min(1).max(1024)).optional(),
	factors: z.array(z.array(z.number())).min(1),
});

/**
 * The colours of a model's latents: its latent_colours.json, or those of Stable Diffusion; undefined where they are not known.
 * @throws UserError when its latent_colours.json is malformed
 */
export function latentColours(
	json: unknown,
	{ latentChannels, scalingFactor, factor }: AutoencoderConfig,
	label: string,
): LatentColours | undefined {
	if (json === undefined)
		return latentChannels === 4 && scalingFactor === 0.18215 && factor === 8
			? STABLE_DIFFUSION
			: undefined;
	const colours = checkJson(schema, json, label);
	const { kernel, scale, hidden, factors } = colours;
	const check = (
		name: string,
		rows: readonly (readonly number[])[],
		down: number,
		across: number,
	) => {
		if (rows.length !== down || rows.some((row) => row.length !== across))
			throw new UserError(
				`${label}: ${name} must be ${down} rows of ${across}`,
			);
	};
	const square = kernel ** 2 * latentChannels;
	const units = hidden?.[0]?.length ?? square;
	if (hidden) check("hidden", hidden, square + 1, units);
	check("factors", factors, units + 1, 3 * scale ** 2);
	return colours;
}

/** The picture of latents `[1, channels, height, width]`, `scale` times as large; at its borders latents are repeated. */
export function colouredLatents(
	{ dims, data }: Tensor,
	{ kernel, scale, hidden, factors }: LatentColours,
): RgbImage {
	const [, channels, height, width] = dims;
	const reach = (kernel - 1) / 2;
	const square = scale ** 2;
	const rgb = new Uint8ClampedArray(width * height * square * 3);
	const around = new Float64Array(kernel ** 2 * channels);
	const units = new Float64Array(hidden?.[0].length ?? 0);
	const sums = new Float64Array(3 * square);
	const inside = (at: number, count: number) =>
		Math.min(count - 1, Math.max(0, at));
	for (let y = 0; y < height; y++)
		for (let x = 0; x < width; x++) {
			let at = 0;
			for (let channel = 0; channel < channels; channel++)
				for (let dy = -reach; dy <= reach; dy++)
					for (let dx = -reach; dx <= reach; dx++)
						around[at++] =
							data[
								(channel * height + inside(y + dy, height)) * width +
									inside(x + dx, width)
							];
			if (hidden) {
				multiply(hidden, around, units);
				for (const [i, unit] of units.entries()) units[i] = Math.max(0, unit);
			}
			multiply(factors, hidden ? units : around, sums);
			for (let i = 0; i < sums.length; i++) {
				const colour = Math.floor(i / square);
				const py = y * scale + Math.floor((i % square) / scale);
				const px = x * scale + (i % scale);
				rgb[(py * width * scale + px) * 3 + colour] = (sums[i] + 1) * 127.5;
			}
		}
	return {
		width: width * scale,
		height: height * scale,
		data: new Uint8Array(rgb.buffer),
	};
}

/** Rows times values, and the last row, which is constant, into `sums`. */
function multiply(
	rows: readonly (readonly number[])[],
	values: Float64Array,
	sums: Float64Array,
): void {
	sums.set(rows[values.length]);
	for (let row = 0; row < values.length; row++)
		for (let i = 0; i < sums.length; i++) sums[i] += values[row] * rows[row][i];
}
