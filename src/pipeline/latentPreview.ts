import type { RgbImage } from "../image/rgbImage.js";
import { rows, type Tensor } from "../tensor/tensor.js";
import { decodeLatents } from "./decodeLatents.js";
import { colouredLatents, type LatentColours } from "./latentColours.js";
import type { Networks, RunNetworks } from "./networks.js";
import { tilingOf } from "./tiling.js";

/** A small picture of what a step predicts for the first of its images `[images, channels, height, width]`. */
export type LatentPreview = (denoised: Tensor) => Promise<RgbImage>;

/**
 * How previews of a model's latents are made: decoded, where its autoencoder is tiny; else coloured by a linear map. Where none is known
 * for its latents they are decoded too, unless the autoencoder would have to take the UNet's place in memory for it: undefined then.
 */
export function latentPreview(
	{ vaeConfig, keepResident }: Pick<Networks, "vaeConfig" | "keepResident">,
	run: Pick<RunNetworks, "decoding">,
	colours: LatentColours | undefined,
): LatentPreview | undefined {
	if (colours && !vaeConfig.tiny)
		return async (denoised) => colouredLatents(rows(denoised, 0, 1), colours);
	if (!vaeConfig.tiny && !keepResident) return undefined;
	const tiling = tilingOf({ tiledDecoding: true }, vaeConfig);
	return async (denoised) => {
		const [picture] = await run.decoding((decoder) =>
			decodeLatents(decoder, vaeConfig, rows(denoised, 0, 1), tiling),
		);
		return picture;
	};
}
