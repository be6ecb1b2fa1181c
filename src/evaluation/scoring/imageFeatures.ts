import type { DatasetProblem } from "../../datasets/captionedImages.js";
import type { FeatureStatistics } from "../../metrics/featureStatistics.js";
import type { Features } from "../../metrics/features.js";

/** What was extracted of a set of images. */
export interface ImageFeatures {
	/** Of each name that was asked for, its row in the features; undefined for broken images. */
	readonly rows: ReadonlyMap<string, number>;
	readonly count: number;
	/** Present where an Inception network was given. */
	readonly statistics?: FeatureStatistics;
	/** Pooled Inception features, where they are kept. */
	readonly pooled?: Features;
	readonly logits?: Features;
	/** CLIP embeddings, not normalized. */
	readonly embeddings?: Features;
	readonly problems: readonly DatasetProblem[];
}
