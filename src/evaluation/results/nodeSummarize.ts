import { setImmediate } from "node:timers/promises";
import type { ResolvedProtocol } from "../../datasets/protocol.js";
import { UserError } from "../../errors/userError.js";
import { type FrechetWork, frechetHere } from "../../metrics/frechetWork.js";
import { jackknifeGroups } from "../../metrics/jackknife.js";
import { runtimeInnerProducts } from "../../metrics/nodeInnerProducts.js";
import type { Progress } from "../../pipeline/progress.js";
import type { SessionOptions } from "../../runtime/session.js";
import { median } from "../../tensor/quantile.js";
import { checkBroken } from "../run/brokenReals.js";
import {
	featureReader,
	type Records,
	type StoredRecord,
} from "../run/nodeRecordFiles.js";
import type { ImageRecord, MachineRecord } from "../run/record.js";
import type { RunDefinition } from "../run/runDefinition.js";
import { featureWidth } from "../scoring/nodeScorer.js";
import {
	clipDifference,
	clipFigures,
	fidelityOf,
	speedup,
	spread,
	worstCaptions,
} from "./imageFigures.js";
import { measureWords } from "./measureWords.js";
import {
	distanceDifference,
	distanceNames,
	type FeatureFigures,
	featureJudges,
} from "./nodeFeatureFigures.js";
import type {
	Comparison,
	MethodResults,
	QualityDifferences,
	Results,
} from "./results.js";

export interface SummaryOptions {
	/** What multiplies the features. */
	readonly session?: SessionOptions;
	/** What computes Fréchet distances; the caller's thread unless given. */
	readonly frechet?: FrechetWork;
	/** The largest share of the real images that may be broken, in all shards together. Unchecked unless given. */
	readonly limit?: number;
	readonly signal?: AbortSignal;
	readonly onProgress?: (progress: Progress) => void;
}

/** What is missing of a run, in words; undefined where it is complete. */
export function missingWork(
	{ methods }: RunDefinition,
	captions: ResolvedProtocol,
	records: Records,
): string | undefined {
	const images = captions.entries.length * methods.length;
	let there = 0;
	let reals = 0;
	for (const { name } of methods)
		for (let index = 0; index < captions.entries.length; index++)
			if (records.has(`${index} ${name}`)) there++;
	for (let index = 0; index < captions.reals.length; index++)
		if (records.has(`${index} @real`)) reals++;
	if (there === images && reals === captions.reals.length) return undefined;
	return `${images - there} of ${images} images and ${captions.reals.length - reals} of ${captions.reals.length} real images are missing`;
}

/** The real images that could not be read, whichever shard found them. */
function brokenReals(
	captions: ResolvedProtocol,
	records: Records,
): Results["brokenReals"] {
	return captions.reals.flatMap((id, index) => {
		const record = records.get(`${index} @real`)?.record;
		return record?.kind === "real" && record.broken
			? [{ id, reason: record.broken }]
			: [];
	});
}

/**
 * Computes all metrics of a complete run from its records. Images are taken in the order of the protocol, so the result does not
 * depend on when and where they were drawn.
 * @throws UserError when the run is incomplete, or more of the real images are broken than `limit` allows
 */
export async function summarize(
	definition: RunDefinition,
	captions: ResolvedProtocol,
	records: Records,
	{
		session = {},
		frechet = frechetHere,
		limit = 1,
		signal,
		onProgress,
	}: SummaryOptions = {},
): Promise<Results> {
	const missing = missingWork(definition, captions, records);
	if (missing)
		throw new UserError(
			`the run is not complete: ${missing}; run the same command again, or the shards that are missing`,
		);
	const broken = brokenReals(captions, records);
	checkBroken(broken.length, captions.reals.length, captions.dataset, limit);
	const { scoring } = definition;
	const reader = featureReader(featureWidth(scoring));
	const products = await runtimeInnerProducts({ ...session, signal });
	try {
		const warnings = new Set<string>();
		const realPlaces = captions.reals.flatMap((_, index) => {
			const place = records.get(`${index} @real`)?.features;
			return place ? [place] : [];
		});
		// a method is a step, and so is each group of each of its distances
		const groups = jackknifeGroups(captions.entries.length) ?? 0;
		const distances = Number(!!scoring.clip) + Number(!!scoring.inception);
		const steps = definition.methods.length * (1 + groups * distances);
		let done = 0;
		const advance = () =>
			onProgress?.({ stage: "metrics", done: ++done, total: steps });
		const judge = await featureJudges(
			reader,
			scoring,
			realPlaces,
			captions.entries.length,
			{
				innerProducts: products.innerProducts,
				frechet,
				signal,
				onGroup: () => advance(),
			},
		);
		const methods: MethodResults[] = [];
		const judged = new Map<string, FeatureFigures>();
		const differences = (name: string, to: string): QualityDifferences => {
			const [own, other] = [judged.get(name), judged.get(to)];
			return own && other
				? {
						...Object.fromEntries(
							distanceNames.flatMap((kind) => {
								const difference = distanceDifference(kind, own, other);
								return difference ? [[kind, difference]] : [];
							}),
						),
						...clipDifference(
							imagesOf(name).map(imageOf),
							imagesOf(to).map(imageOf),
						),
					}
				: {};
		};
		const imagesOf = (name: string) =>
			captions.entries.map((_, index) => records.get(`${index} ${name}`));
		/** Signals are heard between methods: intervals of tens of thousands of images take a second. */
		const pause = async () => {
			await setImmediate();
			signal?.throwIfAborted();
		};
		// a method comes after the one that it is held against
		const rank = (name: string, left = definition.methods.length): number => {
			const own = definition.methods.find((method) => method.name === name);
			return !own || own.reference === name || left === 0
				? 0
				: 1 + rank(own.reference, left - 1);
		};
		const order = [...definition.methods].sort(
			(a, b) => rank(a.name) - rank(b.name),
		);
		for (const method of order) {
			await pause();
			const { name } = method;
			const stored = imagesOf(name);
			const images = stored.map(imageOf);
			const plain =
				method.reference !== name &&
				order.some((other) => other.name === method.reference)
					? imagesOf(method.reference).map(imageOf)
					: undefined;
			const features = await judge(
				stored.flatMap((one) => (one?.features ? [one.features] : [])),
			);
			for (const line of features.warnings) warnings.add(line);
			judged.set(name, features);
			methods.push({
				name,
				sampler: method.sampler,
				steps: method.run,
				images: images.length,
				...features.figures,
				...clipFigures(images),
				...fidelityOf(images, method.reference),
				...(plain
					? {
							difference: {
								to: method.reference,
								...differences(name, method.reference),
							},
						}
					: {}),
				flops:
					images.reduce((sum, { cost }) => sum + cost.flops, 0) / images.length,
				encoderRuns: median(images.map(({ cost }) => cost.encoderRuns)),
				evaluations: images[0].cost.evaluations,
				timing: {
					seconds: spread(images.map(({ cost }) => cost.seconds)),
					networkSeconds: spread(images.map(({ cost }) => cost.networkSeconds)),
					decodingSeconds: spread(
						images.map(({ cost }) => cost.decodingSeconds),
					),
					...(plain ? { speedup: speedup(images, plain) } : {}),
				},
				...(plain
					? worstCaptions(images, plain, captions)
					: { worst: [], worstClipScore: [] }),
			});
			advance();
		}
		const comparisons: Comparison[] = [];
		for (const [{ name }, { name: to }] of againstPaper(definition)) {
			await pause();
			comparisons.push({
				method: name,
				to,
				...differences(name, to),
				timing: {
					speedup: speedup(
						imagesOf(name).map(imageOf),
						imagesOf(to).map(imageOf),
					),
				},
			});
		}
		const machines: MachineRecord[] = [];
		let peakMemory = 0;
		for (const { record } of records.values()) {
			if (record.kind === "machine") machines.push(record);
			if (record.kind === "image")
				peakMemory = Math.max(peakMemory, record.peakMemory);
		}
		if (machines.length > 1)
			warnings.add(
				`times are of ${machines.length} machines; compare methods by their speed-up, which is of the same machine and caption`,
			);
		const position = new Map(
			definition.methods.map(({ name }, index) => [name, index]),
		);
		return {
			format: 1,
			definition,
			measures: measureWords(scoring, methods),
			methods: methods.sort(
				(a, b) => (position.get(a.name) ?? 0) - (position.get(b.name) ?? 0),
			),
			comparisons,
			brokenReals: broken,
			warnings: [...warnings],
			machines: machines.sort((a, b) => (a.id < b.id ? -1 : 1)),
			peakMemory,
		};
	} finally {
		await reader.close();
		await products.release();
	}
}

/** Pairs of an accelerated method and the propagation of the same sampler and steps with the paper's key steps. */
function againstPaper({
	methods,
}: RunDefinition): [
	RunDefinition["methods"][0],
	RunDefinition["methods"][0],
][] {
	return methods.flatMap((paper) =>
		paper.name === `${paper.reference}+paper`
			? methods.flatMap(
					(method): ReturnType<typeof againstPaper> =>
						method.reference === paper.reference &&
						method.name !== paper.reference &&
						method !== paper
							? [[method, paper]]
							: [],
				)
			: [],
	);
}

/** The image record of a complete run. */
export function imageOf(stored: StoredRecord | undefined): ImageRecord {
	if (stored?.record.kind !== "image")
		throw new TypeError("a record of another kind under an image's key");
	return stored.record;
}
