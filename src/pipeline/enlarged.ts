import { placeImage } from "../image/placeImage.js";
import { resizeTorch } from "../image/resize/bilinear.js";
import type { AutoencoderConfig } from "../models/vaeConfig.js";
import { concat, rows, type Tensor, tensor } from "../tensor/tensor.js";
import { decodeLatents } from "./decodeLatents.js";
import { encodePicture, pictureTensor } from "./encodePicture.js";
import type { LatentMoments } from "./hostedAutoencoder.js";
import type { RunNetworks } from "./networks.js";
import type { HiresSettings } from "./pictureSettings.js";
import type { RunSettings } from "./runSettings.js";
import { tilingOf } from "./tiling.js";

/** Enlarged images, as a run begins with them. */
export interface Enlarged {
	/** `[images, channels, height, width]` each. */
	readonly moments: LatentMoments;
	/** Of one image's latents. */
	readonly shape: readonly number[];
}

/**
 * Final latents at the larger size: the decoded pictures enlarged with Pillow's Lanczos filter and encoded, as their pictures given to a
 * run would be; or the latents themselves enlarged between their neighbours (torch's `interpolate`, bilinear), which A1111 calls "Latent".
 */
export async function enlarged(
	latents: Tensor,
	hires: HiresSettings,
	{
		run,
		vae,
		settings,
	}: {
		readonly run: RunNetworks;
		readonly vae: AutoencoderConfig;
		readonly settings: RunSettings;
	},
): Promise<Enlarged> {
	const [images, channels] = latents.dims;
	const [height, width] = [hires.height, hires.width].map(
		(side) => side / vae.factor,
	);
	const shape = [channels, height, width];
	if (hires.upscaler === "latent") {
		const mean = enlargedLatents(latents, height, width);
		for (let i = 0; i < mean.data.length; i++)
			mean.data[i] = mean.data[i] / vae.scalingFactor + vae.shiftFactor;
		// the latents themselves: nothing of them is left to chance
		const logvar = tensor(mean.dims);
		logvar.data.fill(Number.NEGATIVE_INFINITY);
		return { shape, moments: { mean, logvar } };
	}
	const tiling = tilingOf(settings, vae);
	const pictures = await run.decoding((decode) =>
		decodeLatents(decode, vae, latents, tiling),
	);
	const parts: LatentMoments[] = [];
	for (let n = 0; n < images; n++)
		parts.push(
			await encodePicture(
				run,
				pictureTensor(
					placeImage(
						{ ...pictures[n], channels: 3 },
						hires.width,
						hires.height,
						"stretch",
					),
				),
				tiling,
			),
		);
	return {
		shape,
		moments: {
			mean: concat(parts.map(({ mean }) => mean)),
			logvar: concat(parts.map(({ logvar }) => logvar)),
		},
	};
}

function enlargedLatents(
	latents: Tensor,
	height: number,
	width: number,
): Tensor {
	const [images, channels, from, across] = latents.dims;
	return concat(
		Array.from({ length: images }, (_, n) => ({
			dims: [1, channels, height, width],
			data: resizeTorch(
				{
					width: across,
					height: from,
					channels,
					data: rows(latents, n, n + 1).data,
				},
				width,
				height,
			).data,
		})),
	);
}
