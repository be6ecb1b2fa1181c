import { UserError } from "../../errors/userError.js";
import { bootstrapMean } from "../../metrics/bootstrap.js";
import type { ClipModel } from "../../metrics/clipModel.js";
import {
	cosines,
	cutCaptions,
	hesselClipScores,
	hesselPrefix,
	torchmetricsClipScore,
} from "../../metrics/clipScore.js";
import { cmmd } from "../../metrics/cmmd.js";
import {
	accumulateStatistics,
	type FeatureStatistics,
} from "../../metrics/featureStatistics.js";
import type { Features, InnerProducts } from "../../metrics/features.js";
import { inceptionScore } from "../../metrics/inceptionScore.js";
import { kernelDistance } from "../../metrics/kernelDistance.js";
import type { StoredStatistics } from "../../metrics/statisticsFile.js";
import type { ImageFeatures } from "./imageFeatures.js";
import type { MetricResult, ScoreRequest } from "./scoreRequest.js";

/** FID, KID and Inception score, as far as they are asked for. */
export async function inceptionMetrics(
	request: ScoreRequest,
	first: ImageFeatures,
	second: ImageFeatures | undefined,
	stored: StoredStatistics | undefined,
	madeWith: string,
	multiply: InnerProducts,
): Promise<MetricResult[]> {
	const { metrics, fidVariant } = request;
	const results: MetricResult[] = [];
	const counts = [first.count, ...(second ? [second.count] : [])];
	const common = { madeWith, warnings: [] };
	if (metrics.includes("fid")) {
		const warnings: string[] = [];
		if (stored && stored.madeWith === undefined)
			warnings.push(
				`${request.reference} does not say how it was made: make sure that it is ${fidVariant}'s way`,
			);
		const other = second?.statistics ?? stored?.statistics;
		const { distance, warnings: few } = await request.frechet.distance(
			atLeastTwo(first.statistics, request.generated),
			atLeastTwo(other, request.reference ?? ""),
		);
		results.push({
			metric: "fid",
			variant: fidVariant,
			value: distance,
			madeWith,
			counts: [first.count, ...[other?.count ?? []].flat()],
			warnings: [...warnings, ...few],
		});
	}
	if (metrics.includes("kid") && first.pooled && second?.pooled) {
		const { kidSubsets: subsets, kidSubsetSize } = request;
		const subsetSize = Math.min(kidSubsetSize, first.count, second.count);
		const { mean, deviation } = await kernelDistance(
			first.pooled,
			second.pooled,
			{
				subsets,
				subsetSize,
				innerProducts: multiply,
			},
		);
		const warnings =
			subsetSize < kidSubsetSize
				? [
						`only ${subsetSize} images a subset instead of ${kidSubsetSize}: compare only runs of equal counts`,
					]
				: [];
		results.push({
			metric: "kid",
			variant: `torch-fidelity, ${subsets} subsets of ${subsetSize}`,
			value: mean,
			deviation,
			counts,
			...common,
			warnings,
		});
	}
	if (metrics.includes("is") && first.logits) {
		const { mean, deviation } = inceptionScore(first.logits);
		results.push({
			metric: "is",
			variant: "torch-fidelity, 10 splits",
			value: mean,
			deviation,
			counts: [first.count],
			...common,
		});
	}
	return results;
}

/** CLIP scores, Fréchet distance of CLIP features and CMMD, as far as they are asked for. */
export async function clipMetrics(
	request: ScoreRequest,
	clip: ClipModel,
	first: ImageFeatures,
	second: ImageFeatures | undefined,
	captions: ReadonlyMap<string, string> | undefined,
	multiply: InnerProducts,
): Promise<MetricResult[]> {
	const { metrics } = request;
	const results: MetricResult[] = [];
	const counts = [first.count, ...(second ? [second.count] : [])];
	const common = { madeWith: clip.madeWith, warnings: [] };
	const [images, others] = [first.embeddings, second?.embeddings];
	if (metrics.includes("clip") && images && captions) {
		const captioned = [...first.rows].flatMap(([name, row]) => {
			const text = captions.get(name);
			return text === undefined ? [] : [{ row, text }];
		});
		const texts = captioned.map(({ text }) => text);
		const scored = chosen(
			images,
			captioned.map(({ row }) => row),
		);
		const plain = cosines(scored, await embedded(clip, texts, request));
		const percent = plain.map((value) => 100 * value);
		const cut = cutCaptions(texts, clip.unread);
		const shared = { ...common, counts: [scored.count] };
		const value = torchmetricsClipScore(plain);
		results.push({
			metric: "clip",
			variant: "torchmetrics (100 cos)",
			value,
			// torchmetrics gives 0 for a negative mean, and so are the ends of its interval
			...interval(percent, 0),
			...shared,
			warnings: [
				...(cut ? [cut] : []),
				...(value === 0
					? [
							`the mean of 100 cos is ${mean(percent).toPrecision(3)}; torchmetrics gives 0 for a negative mean`,
						]
					: []),
			],
		});
		const prefixed = texts.map((text) => hesselPrefix + text);
		const scores = hesselClipScores(
			cosines(scored, await embedded(clip, prefixed, request)),
		);
		results.push({
			metric: "clip",
			variant: 'Hessel et al. (2.5 max(cos, 0), "A photo depicts")',
			value: scores.reduce((a, b) => a + b, 0) / scores.length,
			...interval(scores),
			...shared,
		});
	}
	if (metrics.includes("clip-fd") && images && others) {
		const { distance, warnings } = await request.frechet.distance(
			statisticsOfFeatures(images, request.generated),
			statisticsOfFeatures(others, request.reference ?? ""),
		);
		results.push({
			metric: "clip-fd",
			variant: "Fréchet distance of CLIP image embeddings (not FID)",
			value: distance,
			counts,
			...common,
			warnings,
		});
	}
	if (metrics.includes("cmmd") && images && others)
		results.push({
			metric: "cmmd",
			variant: "σ 10, × 1000, biased",
			value: await cmmd(images, others, multiply),
			counts,
			...common,
		});
	return results;
}

function chosen({ width, data }: Features, rows: readonly number[]): Features {
	const picked = new Float32Array(rows.length * width);
	for (const [i, row] of rows.entries())
		picked.set(data.subarray(row * width, (row + 1) * width), i * width);
	return { count: rows.length, width, data: picked };
}

async function embedded(
	clip: ClipModel,
	texts: readonly string[],
	{ batch, signal }: Pick<ScoreRequest, "batch" | "signal">,
): Promise<Features> {
	let width = 0;
	const parts: Float32Array[] = [];
	for (let from = 0; from < texts.length; from += batch) {
		signal?.throwIfAborted();
		const part = await clip.embedTexts(texts.slice(from, from + batch));
		width = part.width;
		parts.push(part.data);
	}
	const data = new Float32Array(texts.length * width);
	let at = 0;
	for (const part of parts) {
		data.set(part, at);
		at += part.length;
	}
	return { count: texts.length, width, data };
}

function mean(values: ArrayLike<number>): number {
	let sum = 0;
	for (let i = 0; i < values.length; i++) sum += values[i];
	return sum / values.length;
}

/** 95 % bootstrap interval of the mean, its ends at least `least`; of one value there is none. */
export function interval(
	values: ArrayLike<number>,
	least = Number.NEGATIVE_INFINITY,
): { low?: number; high?: number } {
	if (values.length === 1) return {};
	const { low, high } = bootstrapMean(values);
	return { low: Math.max(least, low), high: Math.max(least, high) };
}

function statisticsOfFeatures(
	{ count, width, data }: Features,
	label: string,
): FeatureStatistics {
	if (count < 2) return atLeastTwo(undefined, label);
	const accumulator = accumulateStatistics(width);
	accumulator.add(data);
	return accumulator.statistics();
}

/** @throws UserError when statistics are missing, since they are of a single image */
export function atLeastTwo(
	statistics: FeatureStatistics | undefined,
	label: string,
): FeatureStatistics {
	if (statistics) return statistics;
	throw new UserError(
		`${label} has a single image: a Fréchet distance needs at least 2`,
	);
}
