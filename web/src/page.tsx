import type { PictureSource } from "./pictureSource.js";

/** The page, over a source of pictures. */
export function Page({ source }: { readonly source: PictureSource }) {
	return <main data-source={typeof source}>faster-diffusion</main>;
}
