import type { DatasetProblem } from "../../datasets/captionedImages.js";
import { checkProblems } from "../../datasets/captionedImages.js";
import type { ImageSource } from "../../datasets/nodeImageSource.js";
import { decodePicture } from "../../datasets/nodePicture.js";
import { UserError } from "../../errors/userError.js";
import type { Pixels } from "../../image/resize/pixels.js";
import { openLpips } from "../../metrics/nodeLpips.js";
import { psnr } from "../../metrics/psnr.js";
import { ssim } from "../../metrics/ssim.js";
import { interval } from "./featureMetrics.js";
import type { MetricName, MetricResult, ScoreRequest } from "./scoreRequest.js";

/** A figure for two pictures of the same size. */
interface PairedMetric {
	readonly metric: MetricName;
	readonly variant: string;
	readonly madeWith: string;
	compare(first: Pixels, second: Pixels): number | Promise<number>;
	release?(): Promise<void>;
}

/**
 * PSNR, SSIM and LPIPS of each generated image against the reference image of the same name (else of the
 * same name but for the extension), averaged: with the plain run of the same seeds as the reference they say how far acceleration moved the images.
 * @throws UserError when names do not match, sizes differ, or too many images are broken.
 */
export async function pairedMetrics(
	request: ScoreRequest,
	generated: ImageSource,
	reference: ImageSource,
	onProblems: (problems: readonly DatasetProblem[]) => void,
): Promise<MetricResult[]> {
	const { signal, limit } = request;
	const { pairs, unmatched } = matched(generated, reference);
	const broken: string[] = [];
	const problems = (): DatasetProblem[] =>
		[
			{ what: "images without a partner", names: unmatched, serious: true },
			{ what: "images that are broken", names: broken, serious: true },
		].filter(({ names }) => names.length > 0);
	checkProblems(problems(), generated.names.length, generated.label, limit);
	const metrics = await loadMetrics(request);
	const values = metrics.map((): number[] => []);
	try {
		for (const [done, [name, partner]] of pairs.entries()) {
			signal?.throwIfAborted();
			const pictures = await Promise.all([
				decodePicture(await generated.read(name), name),
				decodePicture(await reference.read(partner), partner),
			]).catch((error: unknown) => {
				if (!(error instanceof UserError)) throw error;
				broken.push(name);
			});
			checkProblems(problems(), generated.names.length, generated.label, limit);
			if (pictures) {
				const [first, second] = pictures;
				if (first.width !== second.width || first.height !== second.height)
					throw new UserError(
						`${name} is ${first.width}×${first.height} and its partner ${second.width}×${second.height}: only images of one size are compared`,
					);
				for (const [i, metric] of metrics.entries())
					values[i].push(await metric.compare(first, second));
			}
			request.onProgress?.({
				stage: "image pairs",
				done: done + 1,
				total: pairs.length,
			});
		}
	} finally {
		for (const metric of metrics) await metric.release?.();
	}
	onProblems(problems());
	return metrics.map(({ metric, variant, madeWith }, i) => ({
		metric,
		variant,
		madeWith,
		value: values[i].reduce((a, b) => a + b, 0) / values[i].length,
		...interval(values[i]),
		counts: [values[i].length],
		warnings: [],
	}));
}

/**
 * Each generated image with its partner: the image of the same whole name, else the one whose name differs in the extension
 * only.
 * @throws UserError where several could be the partner, or no image has one
 */
function matched(generated: ImageSource, reference: ImageSource) {
	const whole = new Set(reference.names);
	const same = new Set(generated.names.filter((name) => whole.has(name)));
	const ours = byStem(generated.names.filter((name) => !same.has(name)));
	const theirs = byStem(reference.names.filter((name) => !same.has(name)));
	const pairs: [string, string][] = [...same].map((name) => [name, name]);
	const unmatched: string[] = [];
	for (const [stem, names] of ours) {
		const partners = theirs.get(stem);
		if (!partners) unmatched.push(...names);
		else if (names.length + partners.length > 2)
			throw new UserError(
				`${[...names, ...partners].join(", ")}: which image belongs to which cannot be told by their names; give partners the same name`,
			);
		else pairs.push([names[0], partners[0]]);
	}
	if (pairs.length === 0)
		throw new UserError(
			`${generated.label} and ${reference.label} share no image names: psnr, ssim and lpips compare images of the same name`,
		);
	return { pairs: pairs.sort(([a], [b]) => (a < b ? -1 : 1)), unmatched };
}

/** Names without their extension, each with the names that have it. */
function byStem(names: readonly string[]): Map<string, string[]> {
	const found = new Map<string, string[]>();
	for (const name of names) {
		const stem = name.replace(/\.[^./]+$/, "");
		found.set(stem, [...(found.get(stem) ?? []), name]);
	}
	return found;
}

async function loadMetrics(request: ScoreRequest): Promise<PairedMetric[]> {
	const loaded: PairedMetric[] = [];
	for (const metric of request.metrics) {
		if (metric === "psnr") loaded.push(signalToNoise);
		if (metric === "ssim") loaded.push(structuralSimilarity);
		if (metric === "lpips") loaded.push(await lpips(request));
	}
	return loaded;
}

/** Equal pictures would have infinitely many decibels, and so would any mean with them. */
const mostDecibels = 100;

const signalToNoise: PairedMetric = {
	metric: "psnr",
	variant: `8-bit RGB, dB, mean over images, equal ones as ${mostDecibels}`,
	madeWith: "pixels",
	compare: (first, second) => Math.min(mostDecibels, psnr(first, second)),
};

const structuralSimilarity: PairedMetric = {
	metric: "ssim",
	variant: "Wang et al. (Gaussian 11×11, σ 1.5), mean over channels and images",
	madeWith: "pixels",
	compare(first, second) {
		try {
			return ssim(first, second);
		} catch (error) {
			if (!(error instanceof RangeError)) throw error;
			throw new UserError(error.message);
		}
	},
};

async function lpips(request: ScoreRequest): Promise<PairedMetric> {
	const { lpipsTrunk, lpipsWeights = [], session: options } = request;
	const opened = await openLpips(lpipsWeights, lpipsTrunk, options);
	return {
		metric: "lpips",
		variant: `0.1, ${lpipsTrunk}`,
		madeWith: opened.label,
		compare: opened.distance,
		release: opened.release,
	};
}
