import type { RgbImage } from "../image/rgbImage.js";
import type { Tiling } from "../models/tiledDecoding.js";
import type { AutoencoderConfig } from "../models/vaeConfig.js";
import type { Sampler } from "../samplers/sampler.js";
import { concat, type Tensor, tensor } from "../tensor/tensor.js";
import type { DenoiseOptions } from "./denoise.js";
import { encodePicture, pictureTensor } from "./encodePicture.js";
import type { LatentMoments } from "./hostedAutoencoder.js";
import type { RunNetworks } from "./networks.js";
import type { PreparedPicture } from "./preparePicture.js";

/** A picture as a run begins with it, for any number of images. */
export interface EncodedPicture {
	/** Absent where nothing of it is left at the beginning. */
	readonly moments?: LatentMoments;
	readonly mask?: {
		/** `[1, 1, h, w]`, 1 where latents are drawn anew. */
		readonly latents: Tensor;
		/** Of the picture with grey under the mask: what inpainting models see. */
		readonly moments?: LatentMoments;
		readonly content: "original" | "noise" | "fill";
	};
	/** Whether the run begins with noise alone, as inpainting at strength 1 does. */
	readonly noiseAlone: boolean;
}

/** How a picture is encoded. */
export interface PictureEncoding {
	readonly networks: Pick<RunNetworks, "encoding">;
	readonly tiling?: Tiling;
	/** Pixels a latent stands for, each way. */
	readonly factor: number;
	/** Whether the UNet takes the mask and the masked picture. */
	readonly inpainting: boolean;
}

/** Encodes what a run of this picture needs of it. */
export async function encodeStart(
	picture: PreparedPicture,
	{
		strength,
		content = "original",
	}: {
		readonly strength: number;
		readonly content?: "original" | "noise" | "fill";
	},
	{ networks, tiling, factor, inpainting }: PictureEncoding,
): Promise<EncodedPicture> {
	const encode = (image: Tensor) => encodePicture(networks, image, tiling);
	const { image, masked } = picture;
	const whole = pictureTensor(image);
	const noiseAlone = masked !== undefined && strength === 1;
	return {
		noiseAlone,
		moments: inpainting && noiseAlone ? undefined : await encode(whole),
		mask: masked && {
			content,
			latents: maskLatents(masked, image, factor),
			moments: inpainting ? await encode(blanked(whole, masked)) : undefined,
		},
	};
}

/** The part of a run that its picture decides. */
export type PictureStart = Pick<
	DenoiseOptions,
	"latents" | "initialNoise" | "afterStep" | "extraChannels" | "start"
>;

/**
 * How a batch begins with a picture. Numbers are drawn in diffusers' order: the picture's latents, the noise, then the masked picture's
 * latents (StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline), each image's from its own generator, so that an image of a batch
 * is the one that is drawn alone.
 * @param draw the next standard normal numbers, one latent's an image
 */
export function pictureStart(
	{ moments, mask, noiseAlone }: EncodedPicture,
	draw: () => Tensor,
	{
		sampler,
		start,
		vae,
		inpainting,
		initialNoise,
	}: {
		readonly sampler: Sampler;
		readonly start: number;
		readonly vae: Pick<
			AutoencoderConfig,
			"scalingFactor" | "shiftFactor" | "tiny"
		>;
		readonly inpainting: boolean;
		/** Noise that was given in place of the seed's. */
		readonly initialNoise?: Tensor;
	},
): PictureStart {
	// a tiny one's latents are no distribution: nothing is drawn for them
	const first = moments && !vae.tiny ? draw() : undefined;
	const drawn = draw();
	const original = moments && sampled(moments, first ?? drawn, vae);
	const noise = initialNoise ?? drawn;
	const { dims } = noise;
	// diffusers encodes the masked picture for every kind of model
	const second = mask && !vae.tiny ? draw() : undefined;
	const begun =
		mask?.content === "noise" && original && !noiseAlone
			? masked(mask.latents, original, draw())
			: original;
	const latents =
		begun && !noiseAlone
			? { dims, data: sampler.noised(begun.data, noise.data, start) }
			: { dims, data: noise.data.map((z) => z * sampler.initNoiseSigma) };
	if (!mask) return { start, latents, initialNoise: noise };
	if (inpainting)
		return {
			start,
			latents,
			initialNoise: noise,
			extraChannels: behind(
				mask.latents,
				sampled(mask.moments as LatentMoments, second ?? drawn, vae),
			),
		};
	const kept = original as Tensor;
	const last = sampler.timesteps.length - 1;
	return {
		start,
		latents,
		initialNoise: noise,
		// the picture stands around what is drawn, with as much noise as that has
		afterStep: (own, index) =>
			masked(
				mask.latents,
				index < last
					? {
							dims,
							data: sampler.noised(kept.data, noise.data, index + 1),
						}
					: kept,
				{ dims, data: own },
			).data,
	};
}

/** One sample of the picture's latents an image, scaled for the UNet. */
function sampled(
	{ mean, logvar }: LatentMoments,
	{ dims, data }: Tensor,
	{
		scalingFactor,
		shiftFactor,
	}: Pick<AutoencoderConfig, "scalingFactor" | "shiftFactor">,
): Tensor {
	const size = mean.data.length;
	return {
		dims,
		data: data.map(
			(z, i) =>
				(mean.data[i % size] +
					Math.fround(Math.exp(0.5 * logvar.data[i % size])) * z -
					shiftFactor) *
				scalingFactor,
		),
	};
}

/** `anew` where the mask is 1, `kept` elsewhere. */
function masked(mask: Tensor, kept: Tensor, anew: Tensor): Tensor {
	const plane = mask.data.length;
	return {
		dims: kept.dims,
		data: kept.data.map((value, i) =>
			mask.data[i % plane] === 1 ? anew.data[i] : value,
		),
	};
}

/** The mask at the latents' size by its nearest pixels, as torch's `interpolate` takes them. */
function maskLatents(
	pixels: Uint8Array,
	{ width, height }: RgbImage,
	factor: number,
): Tensor {
	const mask = tensor([1, 1, height / factor, width / factor]);
	const [, , rows, columns] = mask.dims;
	for (let y = 0; y < rows; y++)
		for (let x = 0; x < columns; x++)
			mask.data[y * columns + x] = pixels[y * factor * width + x * factor];
	return mask;
}

/** A picture with 0, which is grey, under its mask. */
function blanked({ dims, data }: Tensor, mask: Uint8Array): Tensor {
	return {
		dims,
		data: data.map((value, i) => (mask[i % mask.length] ? 0 : value)),
	};
}

/** The mask and then the masked picture's latents, for each image. */
function behind(mask: Tensor, latents: Tensor): Tensor {
	const [images, channels, height, width] = latents.dims;
	const plane = height * width;
	return concat(
		Array.from({ length: images }, (_, n) => {
			const both = tensor([1, 1 + channels, height, width]);
			both.data.set(mask.data);
			const from = n * channels * plane;
			both.data.set(
				latents.data.subarray(from, from + channels * plane),
				plane,
			);
			return both;
		}),
	);
}
