import { defaultTiling, type Tiling } from "../models/tiledDecoding.js";
import type { AutoencoderConfig } from "../models/vaeConfig.js";

/** How latents are decoded. */
export interface TilingChoice {
	/** Whether latents larger than a tile are decoded tile by tile. */
	readonly tiledDecoding: boolean;
	/** The tiles; default: of the size the VAE was trained for, as in diffusers. */
	readonly tiling?: Pick<Tiling, "tile" | "overlap">;
}

/** The tiles to decode in, or none. */
export function tilingOf(
	{ tiledDecoding, tiling }: TilingChoice,
	config: AutoencoderConfig,
): Tiling | undefined {
	return tiledDecoding ? { ...defaultTiling(config), ...tiling } : undefined;
}
