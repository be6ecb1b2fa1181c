import { UserError } from "../../errors/userError.js";
import {
	CMMD_FACTOR,
	cmmd,
	gaussianKernel,
	normalized,
} from "../../metrics/cmmd.js";
import {
	accumulateStatistics,
	type FeatureStatistics,
} from "../../metrics/featureStatistics.js";
import type { Features, InnerProducts } from "../../metrics/features.js";
import type { FactoredReals } from "../../metrics/frechetJackknife.js";
import type { FrechetWork } from "../../metrics/frechetWork.js";
import { inceptionScore } from "../../metrics/inceptionScore.js";
import { jackknifeGroups, jackknifeInterval } from "../../metrics/jackknife.js";
import { cubicKernel, kernelDistance } from "../../metrics/kernelDistance.js";
import { mmdReplicates } from "../../metrics/mmdJackknife.js";
import type { featureReader } from "../run/nodeRecordFiles.js";
import type { RunDefinition } from "../run/runDefinition.js";
import type { Figure, MethodResults } from "./results.js";

/** Figures that are distances of a set of images to the reals. */
export const distanceNames = ["fid", "kid", "clipFrechet", "clipMmd"] as const;
export type DistanceName = (typeof distanceNames)[number];

/** Where a row of features lies. */
export interface FeaturePlace {
	readonly file: string;
	readonly row: number;
}

/** What the features of one method's images say. */
export interface FeatureFigures {
	readonly figures: Pick<MethodResults, DistanceName | "inceptionScore">;
	/** Each distance without group 0, 1, … of the captions (see `jackknifeInterval`). */
	readonly replicates: Partial<Record<DistanceName, Float64Array>>;
	readonly warnings: readonly string[];
}

/** torch-fidelity's. */
const KID_SUBSETS = 100;
const KID_SUBSET_SIZE = 1000;
const SPLITS = 10;

/** Columns of the rows of features. */
interface Columns {
	readonly from: number;
	readonly width: number;
}

/** One kind of features, with those of the real images. */
interface Judge extends Columns {
	readonly statistics: FeatureStatistics;
	readonly factored: FactoredReals | undefined;
	readonly reals: Features;
}

/**
 * Computes what the stored features say of each method against the same real images: FID, KID and Inception score of Inception's,
 * the Fréchet distance and the MMD of CLIP's. Memory holds the reals' features, those of one method at a time and a few
 * matrices, whatever the number of methods.
 * @param count images of a method
 * @throws UserError where there are too few images for a Fréchet distance
 */
export async function featureJudges(
	reader: ReturnType<typeof featureReader>,
	{ clip, inception }: RunDefinition["scoring"],
	reals: readonly FeaturePlace[],
	count: number,
	{
		innerProducts,
		frechet: work,
		signal,
		onGroup,
	}: {
		readonly innerProducts: InnerProducts;
		readonly frechet: FrechetWork;
		readonly signal?: AbortSignal;
		/** Called as each group of a distance is done. */
		readonly onGroup?: () => void;
	},
): Promise<(images: readonly FeaturePlace[]) => Promise<FeatureFigures>> {
	if (reals.length < 2)
		throw new UserError(
			"a Fréchet distance needs at least 2 real images that can be read",
		);
	if (count < 2)
		throw new UserError(
			"a Fréchet distance needs at least 2 images: take a larger protocol",
		);
	const groups = jackknifeGroups(count);
	const read = (places: readonly FeaturePlace[], columns: Columns) =>
		columnsOf(reader, places, columns);
	const judge = async (columns: Columns): Promise<Judge> => {
		const features = await read(reals, columns);
		const statistics = statisticsOfRows(features);
		const factored = groups ? await work.factor(statistics) : undefined;
		return { ...columns, statistics, factored, reals: features };
	};
	const frechet = async (
		{ statistics, factored }: Judge,
		features: Features,
	) => {
		signal?.throwIfAborted();
		const { distance, warnings } = await work.distance(
			statisticsOfRows(features),
			statistics,
		);
		const replicates =
			groups && factored
				? await work.jackknife(features, groups, factored, onGroup)
				: undefined;
		return { distance, warnings, replicates };
	};
	const offset = clip?.width ?? 0;
	const embeddings = clip && (await judge({ from: 0, width: clip.width }));
	const pooled =
		inception && (await judge({ from: offset, width: inception.width }));
	return async (images) => {
		const figures: Record<string, unknown> = {};
		const replicates: Partial<Record<DistanceName, Float64Array>> = {};
		const warnings: string[] = [];
		const add = (
			name: DistanceName,
			value: number,
			found: Float64Array | undefined,
			more: object = {},
		) => {
			figures[name] = { ...withInterval(value, found), ...more };
			if (found) replicates[name] = found;
		};
		if (pooled && inception) {
			const features = await read(images, pooled);
			const fid = await frechet(pooled, features);
			add("fid", fid.distance, fid.replicates);
			warnings.push(...fid.warnings.map((line) => `FID: ${line}`));
			const subsetSize = Math.min(KID_SUBSET_SIZE, count, reals.length);
			if (subsetSize < KID_SUBSET_SIZE)
				warnings.push(
					`KID: only ${subsetSize} images a subset instead of ${KID_SUBSET_SIZE}: compare only runs of equal counts`,
				);
			const kid = await kernelDistance(features, pooled.reals, {
				subsets: KID_SUBSETS,
				subsetSize,
				innerProducts,
			});
			const kidReplicates = groups
				? await mmdReplicates(features, pooled.reals, {
						kernel: cubicKernel(pooled.width),
						unbiased: true,
						groups,
						innerProducts,
					})
				: undefined;
			add("kid", kid.mean, kidReplicates, {
				deviation: kid.deviation,
				subsets: KID_SUBSETS,
				subsetSize,
			});
			if (count >= SPLITS) {
				const columns = {
					from: pooled.from + pooled.width,
					width: inception.logits,
				};
				const { mean, deviation } = inceptionScore(
					await read(images, columns),
					{ splits: SPLITS },
				);
				figures.inceptionScore = { value: mean, deviation, splits: SPLITS };
			} else
				warnings.push(
					`no Inception score: its ${SPLITS} parts need ${SPLITS} images`,
				);
		}
		if (embeddings) {
			const features = await read(images, embeddings);
			const own = await frechet(embeddings, features);
			add("clipFrechet", own.distance, own.replicates);
			warnings.push(
				...own.warnings.map(
					(line) => `Fréchet distance of CLIP features: ${line}`,
				),
			);
			const mmd = await cmmd(features, embeddings.reals, innerProducts);
			const mmdGroups = groups
				? await mmdReplicates(
						normalized(features),
						normalized(embeddings.reals),
						{ kernel: gaussianKernel, unbiased: false, groups, innerProducts },
					)
				: undefined;
			add(
				"clipMmd",
				mmd,
				mmdGroups?.map((value) => CMMD_FACTOR * value),
			);
		}
		return {
			figures: figures as FeatureFigures["figures"],
			replicates,
			warnings,
		};
	};
}

/** The paired difference of two methods' distances: `own` minus `other`; undefined where either is missing. */
export function distanceDifference(
	name: DistanceName,
	own: FeatureFigures,
	other: FeatureFigures,
): Figure | undefined {
	const [mine, theirs] = [own.figures[name], other.figures[name]];
	if (!mine || !theirs) return undefined;
	const [left, right] = [own.replicates[name], other.replicates[name]];
	return withInterval(
		mine.value - theirs.value,
		left && right && left.map((value, group) => value - right[group]),
	);
}

function withInterval(
	value: number,
	replicates: Float64Array | undefined,
): Figure {
	return replicates ? jackknifeInterval(value, replicates) : { value };
}

async function columnsOf(
	reader: ReturnType<typeof featureReader>,
	places: readonly FeaturePlace[],
	{ from, width }: Columns,
): Promise<Features> {
	const data = new Float32Array(places.length * width);
	for (const [n, place] of places.entries())
		data.set(
			(await reader.read(place)).subarray(from, from + width),
			n * width,
		);
	return { count: places.length, width, data };
}

function statisticsOfRows({ width, data }: Features): FeatureStatistics {
	const accumulator = accumulateStatistics(width);
	accumulator.add(data);
	return accumulator.statistics();
}
