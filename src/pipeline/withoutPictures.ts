import type { GenerateOptions } from "./options.js";

type PictureName = "initImage" | "mask" | "controlImage";

/** Options without the pictures that a run begins with or is held to: to be told or kept, which pixels are too many for. */
export function withoutPictures<
	Options extends Pick<GenerateOptions, PictureName>,
>(options: Options): Omit<Options, PictureName> {
	const { initImage: _, mask: _mask, controlImage: _hint, ...rest } = options;
	return rest;
}
