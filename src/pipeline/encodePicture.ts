import type { RgbImage } from "../image/rgbImage.js";
import {
	encodeTiled,
	nearestSample,
	needsTiling,
	type Tiling,
} from "../models/tiledDecoding.js";
import { type Tensor, tensor } from "../tensor/tensor.js";
import type { LatentMoments } from "./hostedAutoencoder.js";
import type { RunNetworks } from "./networks.js";

/** A picture as the VAE takes it: `[1, 3, height, width]`, −1 to 1. */
export function pictureTensor({ width, height, data }: RgbImage): Tensor {
	const plane = width * height;
	const result = tensor([1, 3, height, width]);
	for (let c = 0; c < 3; c++)
		for (let i = 0; i < plane; i++)
			result.data[c * plane + i] = 2 * Math.fround(data[3 * i + c] / 255) - 1;
	return result;
}

/** Above this many pixels encoding at once takes gigabytes: twice as many as decoding does. */
const TILED_ABOVE = 2 * 768 * 768;

/**
 * The distribution of a picture's latents, through the VAE's encoder, at once or in overlapping tiles where it is very large: all with the norms
 * of the whole picture made small, as `decodeLatents` has them.
 */
export function encodePicture(
	networks: Pick<RunNetworks, "encoding">,
	image: Tensor,
	tiling?: Tiling,
): Promise<LatentMoments> {
	const [, , height, width] = image.dims;
	return networks.encoding(async (vae) => {
		if (
			!tiling ||
			height * width <= TILED_ABOVE ||
			!needsTiling([height / tiling.factor, width / tiling.factor], tiling)
		)
			return vae.encode(image);
		const { tile, factor } = tiling;
		const statistics = await vae.statistics(
			nearestSample(image, tile * factor),
		);
		return encodeTiled((part) => vae.encode(part, statistics), image, tiling);
	});
}
