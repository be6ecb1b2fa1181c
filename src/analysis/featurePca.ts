import { neededPackage } from "../errors/neededPackage.js";
import { mersenneTwister } from "../random/mersenneTwister.js";

/** Pixel vectors that a basis is found from. */
export interface PixelSample {
	/** Takes some pixels of one feature map `[channels, pixels]`. */
	add(map: Float32Array, channels: number): void;
	readonly vectors: readonly number[][];
}

/** @param perMap pixels drawn from each map, without replacement, seeded */
export function pixelSample(perMap: number, seed = 1): PixelSample {
	const generator = mersenneTwister(BigInt(seed));
	const vectors: number[][] = [];
	return {
		vectors,
		add(map, channels) {
			const pixels = map.length / channels;
			const order = Array.from({ length: pixels }, (_, n) => n);
			for (let n = 0; n < Math.min(perMap, pixels); n++) {
				const other =
					n + Math.floor((generator.next() / 2 ** 32) * (pixels - n));
				[order[n], order[other]] = [order[other], order[n]];
				vectors.push(
					Array.from(
						{ length: channels },
						(_, c) => map[c * pixels + order[n]],
					),
				);
			}
		},
	};
}

/** Principal components of features' pixels over all steps of a run. */
export interface FeatureBasis {
	readonly mean: Float64Array;
	/** Components of falling variance, of unit length, the largest loading of each positive. */
	readonly components: readonly Float64Array[];
	/** Share of the total variance that each component explains, in the sample. */
	readonly explained: readonly number[];
}

/** Found by NIPALS (ml-pca), which computes no more components than asked for. */
export async function featureBasis(
	{ vectors }: PixelSample,
	count = 8,
): Promise<FeatureBasis> {
	const { PCA } = await neededPackage("ml-pca", () => import("ml-pca"));
	const channels = vectors[0].length;
	const wanted = Math.min(count, channels, vectors.length - 1);
	const mean = Float64Array.from(
		{ length: channels },
		(_, c) => vectors.reduce((sum, own) => sum + own[c], 0) / vectors.length,
	);
	const pca = new PCA(
		vectors.map((own) => own.map((value, c) => value - mean[c])),
		{ method: "NIPALS", center: false, nCompNIPALS: wanted },
	);
	// channels x components; rows of NIPALS' loadings are components
	const loadings = pca.getEigenvectors();
	const components = Array.from({ length: wanted }, (_, k) => {
		const own = Float64Array.from({ length: channels }, (_, c) =>
			loadings.get(c, k),
		);
		const largest = own.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
		const norm = Math.hypot(...own) * (largest < 0 ? -1 : 1);
		return own.map((value) => value / norm);
	});
	let total = 0;
	const variances = new Array<number>(wanted).fill(0);
	for (const own of vectors) {
		for (let c = 0; c < channels; c++) total += (own[c] - mean[c]) ** 2;
		for (const [k, component] of components.entries()) {
			let score = 0;
			for (let c = 0; c < channels; c++)
				score += component[c] * (own[c] - mean[c]);
			variances[k] += score * score;
		}
	}
	return {
		mean,
		components,
		explained: variances.map((value) => value / total),
	};
}

/** The first three scores of every pixel of a map `[channels, pixels]`, one plane after another. */
export function projectMap(
	map: Float32Array,
	{ mean, components }: FeatureBasis,
): Float32Array {
	const channels = mean.length;
	const pixels = map.length / channels;
	const scores = new Float32Array(3 * pixels);
	for (let k = 0; k < Math.min(3, components.length); k++)
		for (let c = 0; c < channels; c++) {
			const weight = components[k][c];
			const from = c * pixels;
			for (let i = 0; i < pixels; i++)
				scores[k * pixels + i] += weight * (map[from + i] - mean[c]);
		}
	return scores;
}

/**
 * Scores of several maps as 8-bit RGB, all on the same scale: the 1st to the 99th percentile of each component over all
 * maps.
 */
export function scoresToRgb(maps: readonly Float32Array[]): Uint8Array[] {
	const images = maps.map((map) => new Uint8Array(map.length));
	for (let k = 0; k < 3; k++) {
		const plane = (map: Float32Array) => {
			const pixels = map.length / 3;
			return map.subarray(k * pixels, (k + 1) * pixels);
		};
		const sorted = maps.flatMap((map) => [...plane(map)]).sort((a, b) => a - b);
		const low = sorted[Math.floor(0.01 * (sorted.length - 1))];
		const high = sorted[Math.ceil(0.99 * (sorted.length - 1))];
		for (const [n, map] of maps.entries())
			for (const [i, score] of plane(map).entries())
				images[n][3 * i + k] = Math.round(
					255 * Math.min(1, Math.max(0, (score - low) / (high - low || 1))),
				);
	}
	return images;
}
