import type { RgbImage } from "../image/rgbImage.js";
import {
	decodeTiled,
	nearestSample,
	needsTiling,
	type Tiling,
} from "../models/tiledDecoding.js";
import type { AutoencoderConfig } from "../models/vaeConfig.js";
import { assertFinite } from "../tensor/assertFinite.js";
import type { Tensor } from "../tensor/tensor.js";
import { decodedImages } from "./decodedImages.js";
import type { VaeDecoding } from "./hostedAutoencoder.js";

/**
 * The images of final latents `[n, channels, h, w]`, through the VAE decoder, at once or in overlapping tiles.
 * @param tiling where it is given, latents larger than a tile are decoded tile by tile, all with the norms of the whole picture drawn small,
 *   so that no tile has colours of its own
 * @throws UserError with the code "not_finite" when latents are no finite numbers
 */
export async function decodeLatents(
	vae: VaeDecoding,
	{ scalingFactor, shiftFactor }: AutoencoderConfig,
	latents: Tensor,
	tiling?: Tiling,
): Promise<RgbImage[]> {
	assertFinite("latents to decode", latents);
	const scaled: Tensor = {
		dims: latents.dims,
		data: latents.data.map((value) => value / scalingFactor + shiftFactor),
	};
	if (!tiling || !needsTiling(scaled.dims.slice(-2), tiling))
		return decodedImages(await vae.decode(scaled));
	const statistics = await vae.statistics(nearestSample(scaled, tiling.tile));
	return decodedImages(
		await decodeTiled((tile) => vae.decode(tile, statistics), scaled, tiling),
	);
}
