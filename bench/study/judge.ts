import {
	bootstrapMean,
	type ConfidenceInterval,
} from "../../src/metrics/bootstrap.js";
import type { ClipModel } from "../../src/metrics/clipModel.js";
import {
	cosines,
	hesselClipScores,
	hesselPrefix,
} from "../../src/metrics/clipScore.js";
import { accumulateStatistics } from "../../src/metrics/featureStatistics.js";
import type { Features } from "../../src/metrics/features.js";
import { frechetDistance } from "../../src/metrics/frechetDistance.js";
import {
	factorReals,
	jackknifeDistances,
} from "../../src/metrics/frechetJackknife.js";
import {
	jackknifeGroups,
	jackknifeInterval,
} from "../../src/metrics/jackknife.js";
import { median, quantile } from "../../src/tensor/quantile.js";
import { logsOf } from "../../src/tuning/search/students.js";
import {
	type CaptionBatch,
	captionBatches,
	type Drawings,
	relativeErrors,
	type Way,
} from "./drawings.js";
import type { Pictures } from "./pictures.js";
import { LONG_BATCHES, LONG_RUN } from "./studyRuns.js";

/** How a run did beside the plain run, on captions that nothing was chosen by. */
export interface Figures {
	/** Captions, and pictures in all seeds together. */
	readonly captions: number;
	readonly seeds: number;
	readonly error: ConfidenceInterval;
	readonly medianError: number;
	/** Mean over the tenth of the pictures where it is greatest. */
	readonly worstError: number;
	/** Mean logarithm of the error of each caption, seeds averaged. */
	readonly logs: readonly number[];
	readonly longError: ConfidenceInterval;
	readonly psnr: { readonly median: number; readonly tenth: number };
}

/** What the model's own judge says of a run beside the plain run, over all captions, one seed. */
export interface Scores {
	readonly clip: number;
	readonly clipDifference: {
		readonly value: number;
		readonly low: number;
		readonly high: number;
	};
	readonly frechet: number;
	readonly frechetDifference: {
		readonly value: number;
		readonly low: number;
		readonly high: number;
	};
}

/** A seed's noise for caption n of a set begins at this. */
const seedOf = (seed: number) => 10_000 * seed;

/** Batches of a seed: captions that nothing was chosen by, then the others. */
export function seedBatches(
	{
		unseen,
		calibration,
	}: {
		readonly unseen: readonly string[];
		readonly calibration: readonly string[];
	},
	seed: number,
): { readonly unseen: CaptionBatch[]; readonly calibration: CaptionBatch[] } {
	return {
		unseen: captionBatches(unseen, seedOf(seed)),
		calibration: captionBatches(calibration, seedOf(seed) + 5_000),
	};
}

/** @param seeds batches of the captions that nothing was chosen by, seed by seed */
export async function figures(
	way: Way,
	plain: Way,
	seeds: readonly (readonly CaptionBatch[])[],
	drawings: Drawings,
	pictures: Pictures,
): Promise<Figures> {
	const errors: number[][] = [];
	const near: number[] = [];
	for (const batches of seeds) {
		const own: number[] = [];
		for (const batch of batches) {
			const latents = await drawings.latents(way, batch);
			const truth = await drawings.latents(plain, batch);
			own.push(...relativeErrors(latents, truth, batch.captions.length));
			near.push(...(await pictures.psnr(way, plain, batch)));
		}
		errors.push(own);
	}
	const long: number[] = [];
	for (const batch of seeds[0].slice(0, LONG_BATCHES)) {
		const truth = await drawings.latents(
			{ ...LONG_RUN, keySteps: "all" },
			batch,
		);
		long.push(
			...relativeErrors(
				await drawings.latents(way, batch),
				truth,
				batch.captions.length,
			),
		);
	}
	const byCaption = errors[0].map((_, n) => errors.map((own) => own[n]));
	const all = errors.flat();
	const sorted = all.toSorted((a, b) => a - b);
	near.sort((a, b) => a - b);
	return {
		captions: byCaption.length,
		seeds: seeds.length,
		error: bootstrapMean(byCaption.map(mean)),
		medianError: median(all),
		worstError: mean(sorted.slice(-Math.ceil(sorted.length / 10))),
		logs: byCaption.map((own) => mean(logsOf(own))),
		longError: bootstrapMean(long),
		psnr: { median: quantile(near, 0.5), tenth: quantile(near, 0.1) },
	};
}

/** Judges runs by CLIP, each beside the plain run. */
export async function judge(
	clip: ClipModel,
	reals: Features,
	batches: readonly CaptionBatch[],
	pictures: Pictures,
): Promise<(way: Way, plain: Way) => Promise<Scores>> {
	const captions = batches.flatMap((batch) => batch.captions);
	const texts = await clip.embedTexts(
		captions.map((caption) => hesselPrefix + caption),
	);
	const { width } = texts;
	const realStatistics = statisticsOf(reals);
	const factored = factorReals(realStatistics);
	const groups = jackknifeGroups(captions.length);
	if (!groups) throw new RangeError("too few captions");
	const known = new Map<string, ReturnType<typeof scored>>();
	async function scored(way: Way) {
		const data = new Float32Array(captions.length * width);
		let at = 0;
		for (const batch of batches) {
			const own = await pictures.embeddings(way, batch);
			data.set(own, at);
			at += own.length;
		}
		const features = { count: captions.length, width, data };
		return {
			scores: [...hesselClipScores(cosines(features, texts))],
			frechet: frechetDistance(statisticsOf(features), realStatistics).distance,
			replicates: jackknifeDistances(features, groups as number, factored),
		};
	}
	const of = (way: Way) => {
		const key = JSON.stringify(way);
		const own = known.get(key) ?? scored(way);
		known.set(key, own);
		return own;
	};
	return async (way, plain) => {
		const [own, base] = [await of(way), await of(plain)];
		const { estimate, low, high } = bootstrapMean(
			own.scores.map((score, n) => score - base.scores[n]),
		);
		return {
			clip: mean(own.scores),
			clipDifference: { value: estimate, low, high },
			frechet: own.frechet,
			frechetDifference: jackknifeInterval(
				own.frechet - base.frechet,
				own.replicates.map((value, n) => value - base.replicates[n]),
			),
		};
	};
}

function statisticsOf({ width, data }: Features) {
	const accumulator = accumulateStatistics(width);
	accumulator.add(data);
	return accumulator.statistics();
}

export const mean = (values: readonly number[]) =>
	values.reduce((sum, value) => sum + value, 0) / values.length;
