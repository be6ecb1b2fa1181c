import type { ResolvedProtocol } from "../datasets/protocol.js";
import { UserError } from "../errors/userError.js";
import {
	accumulateStatistics,
	type FeatureStatistics,
} from "../metrics/featureStatistics.js";
import { frechetDistance } from "../metrics/frechetDistance.js";
import {
	centredInterval,
	MOST_VALUES,
	resampledDistances,
} from "./frechetBootstrap.js";
import {
	clipDifference,
	clipFigures,
	fidelityOf,
	median,
	speedup,
	spread,
	worstCaptions,
} from "./imageFigures.js";
import {
	featureReader,
	type Records,
	type StoredRecord,
} from "./nodeRecordFiles.js";
import { featureWidth } from "./nodeScorer.js";
import type { ImageRecord, MachineRecord } from "./record.js";
import type { Comparison, Figure, MethodResults, Results } from "./results.js";
import type { RunDefinition } from "./runDefinition.js";

const FID = "FID";
const CLIP_FRECHET = "Fréchet distance of CLIP features";

/** A block of features: CLIP's or Inception's columns of the rows. */
interface FeatureBlock {
	readonly from: number;
	readonly width: number;
	readonly reals: FeatureStatistics;
	readonly resample: boolean;
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

/**
 * Computes all metrics of a complete run from its records. Images are taken in the order of the protocol, so the result does not
 * depend on when and where they were drawn.
 * @throws UserError when the run is incomplete
 */
export async function summarize(
	definition: RunDefinition,
	captions: ResolvedProtocol,
	records: Records,
): Promise<Results> {
	const missing = missingWork(definition, captions, records);
	if (missing)
		throw new UserError(
			`the run is not complete: ${missing}; run the same command again, or the shards that are missing`,
		);
	const { scoring } = definition;
	const reader = featureReader(featureWidth(scoring));
	try {
		const warnings = new Set<string>();
		const realPlaces = captions.reals.flatMap((_, index) => {
			const place = records.get(`${index} @real`)?.features;
			return place ? [place] : [];
		});
		const brokenReals = captions.reals.flatMap((id, index) => {
			const record = records.get(`${index} @real`)?.record;
			return record?.kind === "real" && record.broken
				? [{ id, reason: record.broken }]
				: [];
		});
		if (realPlaces.length < 2)
			throw new UserError(
				"a Fréchet distance needs at least 2 real images that can be read",
			);
		const rows = captions.entries.length;
		const block = async (
			from: number,
			width: number,
		): Promise<FeatureBlock> => ({
			from,
			width,
			reals: await columnStatistics(reader, realPlaces, from, width),
			resample: rows * width <= MOST_VALUES,
		});
		const clip = scoring.clip && (await block(0, scoring.clip.width));
		const inception =
			scoring.inception &&
			(await block(scoring.clip?.width ?? 0, scoring.inception.width));
		const methods: MethodResults[] = [];
		const resampled = new Map<string, Float64Array>();
		const imagesOf = (name: string) =>
			captions.entries.map((_, index) => records.get(`${index} ${name}`));
		// a method comes after the one that it is held against
		const order = [...definition.methods].sort(
			(a, b) => Number(a.name !== a.reference) - Number(b.name !== b.reference),
		);
		for (const method of order) {
			const { name } = method;
			const stored = imagesOf(name);
			const images = stored.map(imageOf);
			const plain =
				method.reference !== name &&
				order.some((other) => other.name === method.reference)
					? imagesOf(method.reference).map(imageOf)
					: undefined;
			const frechet = async (from: FeatureBlock | undefined, kind: string) => {
				if (!from) return {};
				const own = await frechetFigures(reader, stored, from);
				for (const line of own.warnings) warnings.add(`${kind}: ${line}`);
				if (own.resampled) resampled.set(`${kind} ${name}`, own.resampled);
				const other = resampled.get(`${kind} ${method.reference}`);
				const reference = methods.find(
					(done) => done.name === method.reference,
				)?.[kind === FID ? "fid" : "clipFrechet"];
				return {
					own: own.figure,
					difference:
						plain && reference
							? own.resampled && other
								? centredInterval(
										own.figure.value - reference.value,
										own.resampled.map((value, i) => value - other[i]),
									)
								: { value: own.figure.value - reference.value }
							: undefined,
				};
			};
			const fid = await frechet(inception, FID);
			const clipFrechet = await frechet(clip, CLIP_FRECHET);
			methods.push({
				name,
				sampler: method.sampler,
				steps: method.run,
				images: images.length,
				...(fid.own ? { fid: fid.own } : {}),
				...(clipFrechet.own ? { clipFrechet: clipFrechet.own } : {}),
				...clipFigures(images),
				...fidelityOf(images, method.reference),
				...(plain
					? {
							difference: {
								to: method.reference,
								...(fid.difference ? { fid: fid.difference } : {}),
								...(clipFrechet.difference
									? { clipFrechet: clipFrechet.difference }
									: {}),
								...clipDifference(images, plain),
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
				worst: plain ? worstCaptions(images, plain, captions) : [],
			});
		}
		const comparisons = againstPaper(definition).map(
			([{ name }, { name: to }]): Comparison => {
				const difference = (kind: "fid" | "clipFrechet", label: string) => {
					const [own, other] = [name, to].map(
						(one) => methods.find((done) => done.name === one)?.[kind],
					);
					if (!own || !other) return {};
					const [mine, theirs] = [name, to].map((one) =>
						resampled.get(`${label} ${one}`),
					);
					const value = own.value - other.value;
					return {
						[kind]:
							mine && theirs
								? centredInterval(
										value,
										mine.map((distance, i) => distance - theirs[i]),
									)
								: { value },
					};
				};
				const [images, others] = [name, to].map((one) =>
					imagesOf(one).map(imageOf),
				);
				return {
					method: name,
					to,
					...difference("fid", FID),
					...difference("clipFrechet", CLIP_FRECHET),
					...clipDifference(images, others),
					timing: { speedup: speedup(images, others) },
				};
			},
		);
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
			methods: methods.sort(
				(a, b) => (position.get(a.name) ?? 0) - (position.get(b.name) ?? 0),
			),
			comparisons,
			brokenReals,
			warnings: [...warnings],
			machines: machines.sort((a, b) => (a.id < b.id ? -1 : 1)),
			peakMemory,
		};
	} finally {
		await reader.close();
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

type Reader = ReturnType<typeof featureReader>;

async function columnStatistics(
	reader: Reader,
	places: readonly { file: string; row: number }[],
	from: number,
	width: number,
): Promise<FeatureStatistics> {
	const accumulator = accumulateStatistics(width);
	for (const place of places)
		accumulator.add((await reader.read(place)).subarray(from, from + width));
	return accumulator.statistics();
}

async function frechetFigures(
	reader: Reader,
	stored: readonly (StoredRecord | undefined)[],
	{ from, width, reals, resample }: FeatureBlock,
): Promise<{
	figure: Figure;
	resampled?: Float64Array;
	warnings: readonly string[];
}> {
	const places = stored.flatMap((one) => (one?.features ? [one.features] : []));
	if (places.length < 2)
		throw new UserError(
			"a Fréchet distance needs at least 2 images: take a larger protocol",
		);
	const statistics = await columnStatistics(reader, places, from, width);
	const { distance, warnings } = frechetDistance(statistics, reals);
	if (!resample) return { figure: { value: distance }, warnings };
	const data = new Float32Array(places.length * width);
	for (const [n, place] of places.entries())
		data.set(
			(await reader.read(place)).subarray(from, from + width),
			n * width,
		);
	const resampled = resampledDistances(
		{ count: places.length, width, data },
		reals,
	);
	return { figure: centredInterval(distance, resampled), resampled, warnings };
}

function imageOf(stored: StoredRecord | undefined): ImageRecord {
	if (stored?.record.kind !== "image")
		throw new TypeError("a record of another kind under an image's key");
	return stored.record;
}
