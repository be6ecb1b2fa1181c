import type { Weights } from "../formats/weights.js";

/** One network that is no whole model: a control net, an autoencoder. */
export interface OpenedPart {
	/** What the user called it. */
	readonly label: string;
	/** Its config.json, where it is a folder. */
	readonly config?: unknown;
	/** Under the names that the file has. */
	readonly weights: Weights;
}
