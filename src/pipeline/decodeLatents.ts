import type { RgbImage } from "../image/rgbImage.js";
import {
	decodeTiled,
	defaultTiling,
	needsTiling,
} from "../models/tiledDecoding.js";
import type { Tensor } from "../tensor/tensor.js";
import { decodedImages } from "./decodedImages.js";
import type { Networks } from "./networks.js";

/**
 * The images of final latents `[n, 4, height/8, width/8]`, through the VAE decoder, at once or in overlapping tiles.
 */
export async function decodeLatents(
	networks: Networks,
	latents: Tensor,
	{ tiledDecoding }: { readonly tiledDecoding: boolean },
): Promise<RgbImage[]> {
	const { scalingFactor, shiftFactor } = networks.vaeConfig;
	const scaled: Tensor = {
		dims: latents.dims,
		data: latents.data.map((value) => value / scalingFactor + shiftFactor),
	};
	const decode = async (part: Tensor) =>
		(await networks.vaeDecoder.run({ latents: part })).image;
	const tiling = defaultTiling(networks.vaeConfig);
	return decodedImages(
		tiledDecoding && needsTiling(scaled, tiling)
			? await decodeTiled(decode, scaled, tiling)
			: await decode(scaled),
	);
}
