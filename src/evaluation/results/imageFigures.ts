import type { ResolvedProtocol } from "../../datasets/protocol.js";
import { bootstrap, bootstrapMean } from "../../metrics/bootstrap.js";
import { hesselClipScores } from "../../metrics/clipScore.js";
import { quantile } from "../../tensor/quantile.js";
import type { ImageRecord } from "../run/record.js";
import {
	type Figure,
	figure,
	type MethodResults,
	type Spread,
	type WorstCaption,
} from "./results.js";

/** How many of the worst captions are named. */
const WORST = 12;
/** Resamples of means and medians; fewer where there are many images. */
const resamplesFor = (count: number) => (count > 2000 ? 200 : 1000);

const scores = (images: readonly ImageRecord[]) =>
	hesselClipScores(images.map(({ prefixedCosine }) => prefixedCosine ?? 0));

/** Mean CLIP scores with their intervals. */
export function clipFigures(
	images: readonly ImageRecord[],
): Pick<MethodResults, "clipScore" | "clipCosine"> {
	if (images[0].cosine === undefined) return {};
	const options = { resamples: resamplesFor(images.length) };
	return {
		clipScore: figure(bootstrapMean(scores(images), options)),
		clipCosine: figure(
			bootstrapMean(
				images.map(({ cosine }) => 100 * (cosine ?? 0)),
				options,
			),
		),
	};
}

/** The mean difference of CLIP scores, paired by caption. */
export function clipDifference(
	images: readonly ImageRecord[],
	plain: readonly ImageRecord[],
): { clipScore?: Figure } {
	if (images[0].cosine === undefined) return {};
	const theirs = scores(plain);
	return {
		clipScore: figure(
			bootstrapMean(
				scores(images).map((score, i) => score - theirs[i]),
				{ resamples: resamplesFor(images.length) },
			),
		),
	};
}

/** How near the images are to those of the plain method. */
export function fidelityOf(
	images: readonly ImageRecord[],
	to: string,
): Pick<MethodResults, "fidelity"> {
	const held = images.flatMap(({ fidelity }) => (fidelity ? [fidelity] : []));
	if (held.length < images.length) return {};
	const decibels = held.flatMap(({ psnr }) =>
		psnr === undefined ? [] : [psnr],
	);
	return {
		fidelity: {
			to,
			...(decibels.length > 0
				? { psnr: decibels.reduce((a, b) => a + b, 0) / decibels.length }
				: {}),
			ssim: figure(
				bootstrapMean(
					held.map(({ ssim }) => ssim),
					{ resamples: resamplesFor(held.length) },
				),
			),
			...(held.every(({ lpips }) => lpips !== undefined)
				? {
						lpips: figure(
							bootstrapMean(
								held.map(({ lpips }) => lpips ?? 0),
								{ resamples: resamplesFor(held.length) },
							),
						),
					}
				: {}),
			identical: held.length - decibels.length,
		},
	};
}

/** Captions whose image moved most from the plain one, by SSIM; and those whose CLIP score fell most. */
export function worstCaptions(
	images: readonly ImageRecord[],
	plain: readonly ImageRecord[],
	{ entries }: ResolvedProtocol,
): Pick<MethodResults, "worst" | "worstClipScore"> {
	const own = scores(images);
	const theirs = scores(plain);
	const captions = images.flatMap(
		({ fidelity, cosine }, index): WorstCaption[] =>
			fidelity
				? [
						{
							index,
							caption: entries[index].caption,
							seed: entries[index].seed,
							ssim: fidelity.ssim,
							...(fidelity.psnr === undefined ? {} : { psnr: fidelity.psnr }),
							...(fidelity.lpips === undefined
								? {}
								: { lpips: fidelity.lpips }),
							...(cosine === undefined
								? {}
								: { clipScore: own[index] - theirs[index] }),
						},
					]
				: [],
	);
	return {
		worst: [...captions]
			.sort((a, b) => a.ssim - b.ssim || a.index - b.index)
			.slice(0, WORST),
		worstClipScore: captions
			.filter(({ clipScore }) => (clipScore ?? 0) < 0)
			.sort(
				(a, b) => (a.clipScore ?? 0) - (b.clipScore ?? 0) || a.index - b.index,
			)
			.slice(0, WORST),
	};
}

/**
 * Median over captions of the others' seconds / own seconds, with its bootstrap interval: of the captions that one machine drew by both. A run
 * that went on elsewhere has some of which it did not. Undefined where there are no others.
 */
export function speedup(
	images: readonly ImageRecord[],
	plain: readonly ImageRecord[],
): Figure | undefined {
	const ratios = images.flatMap(({ cost, machine }, i) =>
		plain[i].machine === machine ? [plain[i].cost.seconds / cost.seconds] : [],
	);
	if (ratios.length === 0) return undefined;
	// of tens of thousands, hundreds of times
	const drawn = new Float64Array(ratios.length);
	const middle = (indices: Int32Array) => {
		for (let i = 0; i < drawn.length; i++) drawn[i] = ratios[indices[i]];
		return quantile(drawn.sort(), 0.5);
	};
	return figure(
		bootstrap(ratios.length, middle, {
			resamples: resamplesFor(ratios.length),
		}),
	);
}

/** Median and quartiles. */
export function spread(values: readonly number[]): Spread {
	const sorted = [...values].sort((a, b) => a - b);
	return {
		median: quantile(sorted, 0.5),
		lowQuartile: quantile(sorted, 0.25),
		highQuartile: quantile(sorted, 0.75),
	};
}
