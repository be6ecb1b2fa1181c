import { OptionError } from "../../errors/optionError.js";
import type { FrechetWork } from "../../metrics/frechetWork.js";
import type { FidVariant } from "../../metrics/inceptionPreprocessing.js";
import type { LpipsTrunk } from "../../models/lpips.js";
import type { Progress } from "../../pipeline/progress.js";
import type { SessionOptions } from "../../runtime/session.js";

/** Metrics of a set of images; those of `paired` compare image by image with a reference of the same names. */
export const metricNames = [
	"fid",
	"kid",
	"is",
	"clip",
	"clip-fd",
	"cmmd",
	"psnr",
	"ssim",
	"lpips",
] as const;
export type MetricName = (typeof metricNames)[number];

const needsInception: readonly MetricName[] = ["fid", "kid", "is"];
const needsClip: readonly MetricName[] = ["clip", "clip-fd", "cmmd"];
const paired: readonly MetricName[] = ["psnr", "ssim", "lpips"];
const needsReference: readonly MetricName[] = [
	"fid",
	"kid",
	"clip-fd",
	"cmmd",
	...paired,
];

export interface ScoreRequest {
	/** Folder or zip of images. */
	readonly generated: string;
	/** Folder or zip of images, or (for FID alone) a .npz of statistics. */
	readonly reference?: string;
	/** File of captions of the generated images. */
	readonly captions?: string;
	readonly metrics: readonly MetricName[];
	readonly fidVariant: FidVariant;
	/** Cuts reference images to the square in their middle and brings it to this size (Pillow bicubic). */
	readonly referenceSquare?: number;
	readonly inceptionWeights?: string;
	/** Folder or Hub id of a CLIP model. */
	readonly clip?: string;
	/** Files of weights: the trunk's and lpips' own. */
	readonly lpipsWeights?: readonly string[];
	readonly lpipsTrunk: LpipsTrunk;
	readonly kidSubsets: number;
	readonly kidSubsetSize: number;
	/** Where the reference's (else the generated images') FID statistics are stored. */
	readonly saveStatistics?: string;
	readonly batch: number;
	/** Share of images that may be broken or unmatched. */
	readonly limit: number;
	readonly session: SessionOptions;
	/** What computes Fréchet distances: `frechetHere`, or a thread of their own. */
	readonly frechet: FrechetWork;
	readonly signal?: AbortSignal;
	readonly onProgress?: (progress: Progress) => void;
}

/** Which networks and passes a request needs. */
export interface ScoreNeeds {
	readonly inception: boolean;
	readonly clip: boolean;
	readonly paired: boolean;
}

/**
 * Checks that a request has what its metrics need.
 * @throws OptionError that names the option that is missing or does not do.
 */
export function scoreNeeds(request: ScoreRequest): ScoreNeeds {
	const { metrics, reference } = request;
	const fail = (option: string, what: string): never => {
		throw new OptionError(option, what);
	};
	const any = (names: readonly MetricName[]) =>
		metrics.filter((name) => names.includes(name));
	if (metrics.length === 0 && !request.saveStatistics)
		fail("metrics", "it names no metric");
	if (!reference)
		for (const name of any(needsReference))
			fail(
				"reference",
				`${name} needs one: a folder, a zip or, for fid, a .npz`,
			);
	if (reference?.toLowerCase().endsWith(".npz"))
		for (const name of any(needsReference))
			if (name !== "fid")
				fail(
					"reference",
					`${name} needs the reference's images; ${reference} holds statistics`,
				);
	if (metrics.includes("clip") && !request.captions)
		fail("captions", "clip needs them, those of the generated images");
	const clip = any(needsClip);
	if (clip.length > 0 && !request.clip)
		fail(
			"clip",
			`${clip[0]} needs a CLIP model, such as openai/clip-vit-base-patch32`,
		);
	if (metrics.includes("lpips") && !request.lpipsWeights?.length)
		fail(
			"lpipsWeights",
			"lpips needs two files: torchvision's alexnet-owt-7be5be79.pth (or vgg16) and lpips' alex.pth (or vgg.pth)",
		);
	return {
		inception:
			any(needsInception).length > 0 || request.saveStatistics !== undefined,
		clip: clip.length > 0,
		paired: any(paired).length > 0,
	};
}

/** One figure, with the words that say what exactly it is. */
export interface MetricResult {
	readonly metric: MetricName;
	/** Whose definition: only results of equal variants are comparable. */
	readonly variant: string;
	readonly value: number;
	/** Over subsets or parts, where the metric is a mean over such. */
	readonly deviation?: number;
	/** 95 % bootstrap interval over images, where the metric is a mean over such. */
	readonly low?: number;
	readonly high?: number;
	/** Network, weights and preparation. */
	readonly madeWith: string;
	/** Images on the generated and the reference side. */
	readonly counts: readonly number[];
	readonly warnings: readonly string[];
}

/** What was scored and what came out. */
export interface ScoreResult {
	readonly generated: string;
	readonly reference?: string;
	/** How reference images were cut, if they were. */
	readonly referenceSquare?: number;
	readonly metrics: readonly MetricResult[];
	/** Images and captions that were left out, and why. */
	readonly problems: readonly {
		readonly what: string;
		readonly names: readonly string[];
	}[];
}
