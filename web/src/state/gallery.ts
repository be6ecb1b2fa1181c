import { signal } from "@preact/signals";
import {
	type GalleryStore,
	galleryStore,
	type KeptPicture,
	MOST_KEPT,
} from "../gallery/galleryStore.js";
import { PICTURES } from "./request.js";
import type { ShownPicture } from "./shownPicture.js";

/** A kept picture with an address of its file. */
export type HungPicture = KeptPicture & { readonly url: string };

export type Gallery = ReturnType<typeof gallery>;

/** The pictures that are kept in the browser, the newest first. */
export function gallery(store: GalleryStore = galleryStore()) {
	const pictures = signal<readonly HungPicture[]>([]);
	const hung = (picture: KeptPicture): HungPicture => ({
		...picture,
		url: URL.createObjectURL(picture.png),
	});
	return {
		pictures,
		async open(): Promise<void> {
			pictures.value = (await store.all()).map(hung);
		},
		/** Keeps a picture, once. */
		async keep(picture: ShownPicture): Promise<void> {
			const { index, seed, width, height, png, parameters } = picture;
			const { options, cost, model, asked } = picture;
			const isKept = (kept: HungPicture) =>
				kept.parameters === parameters &&
				// their settings do not tell what they began with
				PICTURES.every((name) => kept.asked[name] === asked[name]);
			if (pictures.peek().some(isKept)) return;
			const kept = await store.keep({
				index,
				seed,
				width,
				height,
				png,
				parameters,
				options,
				cost,
				model,
				asked,
			});
			const all = [hung(kept), ...pictures.peek()];
			pictures.value = all.slice(0, MOST_KEPT);
			for (const { url } of all.slice(MOST_KEPT)) URL.revokeObjectURL(url);
		},
		async remove({ id, url }: HungPicture): Promise<void> {
			pictures.value = pictures.peek().filter((kept) => kept.id !== id);
			URL.revokeObjectURL(url);
			await store.remove(id);
		},
		async clear(): Promise<void> {
			const all = pictures.peek();
			pictures.value = [];
			for (const { url } of all) URL.revokeObjectURL(url);
			await store.clear();
		},
	};
}
