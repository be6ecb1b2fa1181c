import type { DatasetProblem } from "../../datasets/captionedImages.js";
import { joinCaptions } from "../../datasets/captionedImages.js";
import {
	type ImageSource,
	openImageSource,
} from "../../datasets/nodeImageSource.js";
import { readCaptionTable } from "../../datasets/nodeOpenDataset.js";
import { centreSquare } from "../../datasets/nodePicture.js";
import { UserError } from "../../errors/userError.js";
import { readRegularFile } from "../../files/nodeReadRegularFile.js";
import { writeWhole } from "../../files/nodeWriteWhole.js";
import { resizePillowBytes } from "../../image/resize/pillowBytes.js";
import type { Pixels } from "../../image/resize/pixels.js";
import { openClipModel } from "../../metrics/nodeClipModel.js";
import { inceptionExtractor } from "../../metrics/nodeInceptionExtractor.js";
import { openInceptionWeights } from "../../metrics/nodeInceptionWeights.js";
import { runtimeInnerProducts } from "../../metrics/nodeInnerProducts.js";
import {
	decodeStatistics,
	encodeStatistics,
	type StoredStatistics,
} from "../../metrics/statisticsFile.js";
import type { InceptionOutput } from "../../models/inception.js";
import { atLeastTwo, clipMetrics, inceptionMetrics } from "./featureMetrics.js";
import { imageFeatures } from "./nodeImageFeatures.js";
import { pairedMetrics } from "./nodePairedMetrics.js";
import {
	type MetricResult,
	type ScoreRequest,
	type ScoreResult,
	scoreNeeds,
} from "./scoreRequest.js";

/**
 * Scores a set of images: each set is read once, whatever the metrics. Networks and files are released in the end.
 * @throws UserError when something is missing, malformed, or too many images are broken.
 */
export async function scoreImages(request: ScoreRequest): Promise<ScoreResult> {
	const needs = scoreNeeds(request);
	const { metrics, reference } = request;
	const cleanUp: (() => unknown)[] = [];
	try {
		const open = async (path: string) => {
			const source = await openImageSource(path);
			cleanUp.push(() => source.close());
			return source;
		};
		const generated = await open(request.generated);
		const stored =
			reference?.toLowerCase().endsWith(".npz") && needs.inception
				? await readStatistics(reference)
				: undefined;
		const other = reference && !stored ? await open(reference) : undefined;
		const captions = request.captions
			? await captionsOf(generated, request.captions, request.limit)
			: undefined;
		const inception = needs.inception
			? await loadInception(request)
			: undefined;
		if (inception) cleanUp.push(() => inception.release());
		if (inception && stored?.madeWith !== undefined)
			if (stored.madeWith !== inception.madeWith)
				throw new UserError(
					`${reference} was made with ${stored.madeWith}, this run uses ${inception.madeWith}: they cannot be compared`,
				);
		const clip =
			needs.clip && request.clip
				? await openClipModel(request.clip, {
						...request.session,
						signal: request.signal,
					})
				: undefined;
		if (clip) cleanUp.push(() => clip.release());

		const problems: DatasetProblem[] = [...(captions?.problems ?? [])];
		const features = async (source: ImageSource, isReference: boolean) => {
			const result = await imageFeatures(source, source.names, {
				batch: request.batch,
				limit: request.limit,
				...(request.signal ? { signal: request.signal } : {}),
				...(inception ? { inception } : {}),
				// The captions of real images are not scored, but their embeddings are compared.
				...(clip &&
				(!isReference || metrics.some((m) => m === "clip-fd" || m === "cmmd"))
					? { clip }
					: {}),
				keepPooled: metrics.includes("kid"),
				prepare: isReference
					? referencePreparation(request)
					: (pixels: Pixels) => pixels,
				onProgress: (done, total) =>
					request.onProgress?.({ stage: source.label, done, total }),
			});
			problems.push(...result.problems);
			return result;
		};
		const results: MetricResult[] = [];
		const products = await runtimeInnerProducts({
			...request.session,
			signal: request.signal,
		});
		cleanUp.push(() => products.release());
		const multiply = products.innerProducts;
		if (inception || clip) {
			const first = await features(generated, false);
			const usesReference = metrics.some((m) =>
				["fid", "kid", "clip-fd", "cmmd"].includes(m),
			);
			const second =
				other && (usesReference || request.saveStatistics)
					? await features(other, true)
					: undefined;
			if (inception) {
				const { madeWith } = inception;
				results.push(
					...(await inceptionMetrics(
						request,
						first,
						second,
						stored,
						madeWith,
						multiply,
					)),
				);
				if (request.saveStatistics) {
					const statistics = second
						? atLeastTwo(second.statistics, reference ?? "")
						: atLeastTwo(first.statistics, request.generated);
					await writeWhole(
						request.saveStatistics,
						encodeStatistics({ statistics, madeWith }),
						{ makeFolder: true },
					);
				}
			}
			if (clip)
				results.push(
					...(await clipMetrics(
						request,
						clip,
						first,
						second,
						captions?.texts,
						multiply,
					)),
				);
		}
		if (needs.paired && other)
			results.push(
				...(await pairedMetrics(request, generated, other, (found) =>
					problems.push(...found),
				)),
			);
		return {
			generated: request.generated,
			...(reference ? { reference } : {}),
			...(request.referenceSquare
				? { referenceSquare: request.referenceSquare }
				: {}),
			metrics: results.sort(
				(a, b) => metrics.indexOf(a.metric) - metrics.indexOf(b.metric),
			),
			problems: problems.map(({ what, names }) => ({ what, names })),
		};
	} finally {
		for (const release of cleanUp.reverse()) await release();
	}
}

async function loadInception(request: ScoreRequest) {
	const { metrics, fidVariant, session, signal } = request;
	const outputs: InceptionOutput[] = ["2048"];
	if (metrics.includes("is")) outputs.push("logits_unbiased");
	const weights = await openInceptionWeights({
		...(request.inceptionWeights ? { path: request.inceptionWeights } : {}),
		...(signal ? { signal } : {}),
		onProgress: (received, total) =>
			request.onProgress?.({
				stage: "Inception's weights",
				done: received,
				total: total ?? received,
				unit: "bytes",
			}),
	});
	return inceptionExtractor(weights, fidVariant, outputs, session);
}

/** Each generated image's first caption by id, by file. */
async function captionsOf(source: ImageSource, path: string, limit: number) {
	const table = await readCaptionTable(path);
	const joined = joinCaptions(table, source.names, path, limit);
	const texts = new Map<string, string>();
	const files = new Map(joined.images.map(({ id, file }) => [id, file]));
	for (const { imageId, caption } of joined.captions) {
		const file = files.get(imageId);
		if (file !== undefined && !texts.has(file)) texts.set(file, caption);
	}
	return { texts, problems: joined.problems };
}

function referencePreparation({
	referenceSquare,
}: ScoreRequest): (pixels: Pixels) => Pixels {
	if (!referenceSquare) return (pixels) => pixels;
	return (pixels) =>
		resizePillowBytes(
			centreSquare(pixels),
			referenceSquare,
			referenceSquare,
			"bicubic",
		);
}

/** A covariance of Inception's features takes 34 MB; larger networks' some more. */
const maxStatistics = 2 ** 30;

async function readStatistics(path: string): Promise<StoredStatistics> {
	return decodeStatistics(await readRegularFile(path, maxStatistics), path);
}
