import type { FeatureStatistics } from "./featureStatistics.js";
import type { Features } from "./features.js";
import { type FrechetDistance, frechetDistance } from "./frechetDistance.js";
import {
	type FactoredReals,
	factorReals,
	jackknifeDistances,
} from "./frechetJackknife.js";

/**
 * The computations of Fréchet distances: seconds each with Inception's 2048 features, so that a program does them in a thread of
 * their own (see `frechetThread`).
 */
export interface FrechetWork {
	/** See `frechetDistance`. */
	distance(
		first: FeatureStatistics,
		second: FeatureStatistics,
	): Promise<FrechetDistance>;
	/** See `factorReals`. */
	factor(reals: FeatureStatistics): Promise<FactoredReals>;
	/** See `jackknifeDistances`. @param onGroup is told how many groups are done */
	jackknife(
		features: Features,
		groups: number,
		reals: FactoredReals,
		onGroup?: (done: number) => void,
	): Promise<Float64Array>;
}

/** On the caller's thread, which is blocked meanwhile. */
export const frechetHere: FrechetWork = {
	distance: async (...given) => frechetDistance(...given),
	factor: async (...given) => factorReals(...given),
	jackknife: async (...given) => jackknifeDistances(...given),
};
