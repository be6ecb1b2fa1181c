import type { Pixels } from "../image/resize/pixels.js";
import type { Features } from "./features.js";

/** A loaded CLIP model, both towers. Embeddings are as they leave the projection, not normalized. */
export interface ClipModel {
	/** As it was given: the folder or Hub id. */
	readonly name: string;
	/** Name and weights in words: only embeddings with equal words are comparable. */
	readonly madeWith: string;
	/** Edge of the pictures that the vision tower sees. */
	readonly imageSize: number;
	embedImages(images: readonly Pixels[]): Promise<Features>;
	embedTexts(texts: readonly string[]): Promise<Features>;
	/** The words at the end of a text that the model does not read; "" where it reads all. */
	unread(text: string): string;
	release(): Promise<void>;
}
