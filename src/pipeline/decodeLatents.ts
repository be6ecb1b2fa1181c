import type { RgbImage } from "../image/rgbImage.js";
import {
	decodeTiled,
	needsTiling,
	type Tiling,
} from "../models/tiledDecoding.js";
import type { VaeConfig } from "../models/vaeConfig.js";
import { assertFinite } from "../tensor/assertFinite.js";
import type { Tensor } from "../tensor/tensor.js";
import { decodedImages } from "./decodedImages.js";

/**
 * The images of final latents `[n, channels, h, w]`, through the VAE decoder, at once or in overlapping tiles.
 * @param decode the decoder: latents divided by the scaling factor to images `[n, 3, height, width]`
 * @param tiling where it is given, latents larger than a tile are decoded tile by tile
 * @throws UserError with the code "not_finite" when latents are no finite numbers
 */
export async function decodeLatents(
	decode: (latents: Tensor) => Promise<Tensor>,
	{ scalingFactor, shiftFactor }: VaeConfig,
	latents: Tensor,
	tiling?: Tiling,
): Promise<RgbImage[]> {
	assertFinite("latents to decode", latents);
	const scaled: Tensor = {
		dims: latents.dims,
		data: latents.data.map((value) => value / scalingFactor + shiftFactor),
	};
	return decodedImages(
		tiling && needsTiling(scaled.dims.slice(-2), tiling)
			? await decodeTiled(decode, scaled, tiling)
			: await decode(scaled),
	);
}
