import { OptionError } from "../errors/optionError.js";
import type { RgbImage } from "../image/rgbImage.js";
import { imageSpectrum, meanSpectrum } from "../metrics/imageSpectrum.js";
import {
	type RadialSpectrum,
	radialSpectrum,
} from "../metrics/radialSpectrum.js";
import type { GeneratedImage } from "../pipeline/generatedImage.js";
import type { GenerateOptions } from "../pipeline/options.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Progress } from "../pipeline/progress.js";
import { checkStudied } from "../pipeline/studied.js";
import { PAPER_INJECTION } from "../propagation/noiseInjection.js";
import type { Tensor } from "../tensor/tensor.js";
import { type BlockStatistics, blockAccumulator } from "./blockStatistics.js";
import { type WatchedBlock, watchedBlocks } from "./blocks.js";
import {
	type FeatureBasis,
	featureBasis,
	pixelSample,
	projectMap,
	scoresToRgb,
} from "./featurePca.js";
import { type BlockObserver, observingDenoiser } from "./observingDenoiser.js";
import { type Verdict, verdict } from "./verdict.js";

/** Which samples of a guided run a figure is about. */
export type Guidance = "unconditional" | "conditional";

/** One block's figures: `[prompt]` of each half of the guided batch. */
export interface AnalyzedBlock extends WatchedBlock {
	readonly channels: number;
	readonly statistics: Readonly<
		Partial<Record<Guidance, readonly BlockStatistics[]>>
	>;
	/** Radial spectra at `Analysis.shownEvaluations`, conditional samples, mean over prompts; of whole blocks only. */
	readonly spectra: readonly RadialSpectrum[];
	/** Components of the first prompt's conditional features and their pictures at `shownEvaluations`; of whole blocks only. */
	readonly pca?: FeatureBasis & { readonly pictures: readonly RgbImage[] };
}

export interface Analysis {
	readonly prompts: readonly string[];
	readonly sampler: string;
	readonly steps: number;
	readonly timesteps: readonly number[];
	readonly guidance: readonly Guidance[];
	readonly blocks: readonly AnalyzedBlock[];
	/** Evaluations that spectra and pictures are shown of. */
	readonly shownEvaluations: readonly number[];
	/** What the first prompt's run estimates the image to be, at `shownEvaluations`. */
	readonly predictedImages: readonly RgbImage[];
	/** Mean spectra of the images of plain runs, of the paper's plan without noise injection, and with it. */
	readonly imageSpectra: Readonly<
		Record<"plain" | "propagated" | "injected", RadialSpectrum>
	>;
	/** Relative L2 change, and mean squared difference: means over whole blocks and evaluations, conditional samples. */
	readonly verdicts: {
		readonly relativeChange: Verdict;
		readonly meanSquaredDifference: Verdict;
	};
}

/** Options that an analysis decides itself: plain runs are watched, and the paper's plan is held against them. */
export const OPTIONS_OF_ITS_OWN = [
	"keySteps",
	"injectNoise",
	"injectUntil",
] as const;

export interface AnalyzeOptions {
	readonly prompts: readonly string[];
	/** The run of each prompt; prompt n has seed + n. */
	readonly request: Omit<
		GenerateOptions,
		"prompt" | "seed" | "keySteps" | "injectNoise" | "injectUntil"
	> & {
		readonly seed: bigint;
	};
	/** How many evaluations pictures and spectra are made of. */
	readonly shown: number;
	readonly onProgress?: (progress: Progress) => void;
	readonly signal?: AbortSignal;
}

/** Channels that spectra are averaged over, at most. */
const SPECTRUM_CHANNELS = 64;
/** Pixels of each step that the PCA basis is found from. */
const PCA_PIXELS = 32;

/**
 * One plain run a prompt with every block watched, one more of the first prompt for its PCA pictures (whose basis must be
 * known first), and two propagated runs a prompt for the spectra of images. Of features only the step before and
 * sketches are kept.
 * @throws OptionError for an option that it decides itself, for a single step, and as `Pipeline.generate` does
 */
export async function analyzePrompts(
	pipeline: Pipeline,
	options: AnalyzeOptions,
): Promise<Analysis> {
	const { prompts, signal } = options;
	for (const name of OPTIONS_OF_ITS_OWN)
		if (name in options.request)
			throw new OptionError(name, "an analysis decides it itself");
	const request = (n: number): GenerateOptions => ({
		...options.request,
		prompt: prompts[n],
		seed: options.request.seed + BigInt(n),
		numImages: 1,
		keySteps: "all",
		injectNoise: 0,
		signal,
	});
	const settings = pipeline.settings(request(0));
	const { timesteps } = settings.sampler;
	const count = timesteps.length;
	if (count < 2)
		throw new OptionError(
			"steps",
			"features change from step to step: take 2 or more",
		);
	const guidance: Guidance[] =
		settings.guidanceScale > 1
			? ["unconditional", "conditional"]
			: ["conditional"];
	const watched = watchedBlocks(pipeline.unetConfig);
	const shownEvaluations = evenly(count, options.shown);
	const total = count * (3 * prompts.length + 1);
	let done = 0;
	const advance = () =>
		options.onProgress?.({ stage: "analyzing", done: ++done, total });

	const collected = watched.map((block) => ({
		...block,
		channels: 0,
		statistics: { unconditional: [], conditional: [] } as Record<
			Guidance,
			BlockStatistics[]
		>,
		spectra: shownEvaluations.map(() => [] as RadialSpectrum[]),
		pixels: pixelSample(PCA_PIXELS),
	}));
	const spectra = {
		plain: [] as RadialSpectrum[],
		propagated: [] as RadialSpectrum[],
		injected: [] as RadialSpectrum[],
	};
	let predictedImages: RgbImage[] = [];

	for (const n of prompts.keys()) checkStudied(pipeline.settings(request(n)));
	for (const n of prompts.keys()) {
		const accumulators = collected.map(() =>
			guidance.map(() => blockAccumulator(count)),
		);
		const estimates: Tensor[] = [];
		const { image } = await observedRun(
			pipeline,
			request(n),
			watched,
			(index, outputs) => {
				for (const [b, block] of collected.entries()) {
					const output = outputs[block.name];
					block.channels = output.dims[1];
					const parts = halves(output, guidance.length);
					for (const [g, values] of parts.entries())
						accumulators[b][g].add(index, values);
					if (block.kind !== "block") continue;
					const conditional = parts[parts.length - 1];
					const shown = shownEvaluations.indexOf(index);
					if (shown >= 0)
						block.spectra[shown].push(mapSpectrum(conditional, output.dims));
					if (n === 0) block.pixels.add(conditional, block.channels);
				}
				advance();
			},
			(step) => {
				if (n === 0 && shownEvaluations.includes(step.index))
					estimates.push(step.denoised);
			},
		);
		for (const [b, block] of collected.entries())
			for (const [g, name] of guidance.entries())
				block.statistics[name].push(accumulators[b][g].finish());
		spectra.plain.push(imageSpectrum(image.image));
		if (n === 0)
			predictedImages = await decodeEach(pipeline, estimates, settings);
		for (const [kind, alpha] of [
			["propagated", 0],
			["injected", PAPER_INJECTION.alpha],
		] as const) {
			const [made] = await pipeline.generate({
				...request(n),
				keySteps: "paper",
				injectNoise: alpha,
			});
			spectra[kind].push(imageSpectrum(made.image));
			for (let i = 0; i < count; i++) advance();
		}
	}

	const bases = await Promise.all(
		collected.map(({ kind, pixels }) =>
			kind === "block" ? featureBasis(pixels) : undefined,
		),
	);
	const pictures = await pcaPictures(
		pipeline,
		request(0),
		watched,
		bases,
		shownEvaluations,
		advance,
	);
	const blocks = collected.map(
		({ pixels: _, spectra: own, ...block }, b): AnalyzedBlock => {
			const basis = bases[b];
			return {
				...block,
				spectra: block.kind === "block" ? own.map(meanSpectrum) : [],
				...(basis ? { pca: { ...basis, pictures: pictures[b] } } : {}),
			};
		},
	);
	return {
		prompts,
		sampler: settings.sampler.name,
		steps: settings.steps,
		timesteps,
		guidance,
		blocks,
		shownEvaluations,
		predictedImages,
		imageSpectra: {
			plain: meanSpectrum(spectra.plain),
			propagated: meanSpectrum(spectra.propagated),
			injected: meanSpectrum(spectra.injected),
		},
		verdicts: {
			relativeChange: halvesVerdict(blocks, prompts.length, "relativeChange"),
			meanSquaredDifference: halvesVerdict(
				blocks,
				prompts.length,
				"meanSquaredDifference",
			),
		},
	};
}

async function observedRun(
	pipeline: Pipeline,
	request: GenerateOptions,
	watched: readonly WatchedBlock[],
	observe: BlockObserver,
	onStep: (step: { index: number; denoised: Tensor }) => void = () => {},
): Promise<{ image: GeneratedImage }> {
	let image: GeneratedImage | undefined;
	for await (const event of pipeline.stream({
		...request,
		denoiser: observingDenoiser(watched, observe),
	}))
		if (event.kind === "step") onStep(event.step);
		else if (event.kind === "image") image = event.result;
	if (!image) throw new RangeError("the run gave no image");
	return { image };
}

async function pcaPictures(
	pipeline: Pipeline,
	request: GenerateOptions,
	watched: readonly WatchedBlock[],
	bases: readonly (FeatureBasis | undefined)[],
	shown: readonly number[],
	advance: () => void,
): Promise<RgbImage[][]> {
	const scores = watched.map(() => [] as Float32Array[]);
	const sizes = watched.map(() => ({ width: 0, height: 0 }));
	await observedRun(pipeline, request, watched, (index, outputs) => {
		advance();
		if (!shown.includes(index)) return;
		for (const [b, { name }] of watched.entries()) {
			const basis = bases[b];
			if (!basis) continue;
			const { dims } = outputs[name];
			const parts = halves(outputs[name], dims[0]);
			sizes[b] = { height: dims[2], width: dims[3] };
			scores[b].push(projectMap(parts[parts.length - 1], basis));
		}
	});
	return scores.map((maps, b) =>
		scoresToRgb(maps).map((data) => ({ ...sizes[b], data })),
	);
}

async function decodeEach(
	pipeline: Pipeline,
	latents: readonly Tensor[],
	settings: { readonly tiledDecoding: boolean },
): Promise<RgbImage[]> {
	const images: RgbImage[] = [];
	for (const own of latents)
		images.push(...(await pipeline.decode(own, settings)));
	return images;
}

/** Features of each part of the batch. */
function halves({ data }: Tensor, parts: number): Float32Array[] {
	const size = data.length / parts;
	return Array.from({ length: parts }, (_, n) =>
		data.subarray(n * size, (n + 1) * size),
	);
}

function mapSpectrum(
	map: Float32Array,
	[, channels, height, width]: readonly number[],
): RadialSpectrum {
	const used = evenly(channels, SPECTRUM_CHANNELS);
	const planes = new Float32Array(used.length * height * width);
	for (const [n, channel] of used.entries())
		planes.set(
			map.subarray(channel * height * width, (channel + 1) * height * width),
			n * height * width,
		);
	return radialSpectrum(planes, { count: used.length, height, width });
}

/** Up to `wanted` different indices below `count`, evenly spread, first and last among them. */
export function evenly(count: number, wanted: number): number[] {
	if (wanted >= count) return Array.from({ length: count }, (_, n) => n);
	if (wanted === 1) return [0];
	return Array.from({ length: wanted }, (_, n) =>
		Math.round((n * (count - 1)) / (wanted - 1)),
	);
}

/** conv_in is left out: it is a linear map of the latents themselves. */
function halvesVerdict(
	blocks: readonly AnalyzedBlock[],
	prompts: number,
	measure: "relativeChange" | "meanSquaredDifference",
): Verdict {
	const half = (which: WatchedBlock["half"], prompt: number) => {
		const own = blocks.filter(
			({ half, kind, name }) =>
				half === which && kind === "block" && name !== "conv_in",
		);
		let sum = 0;
		let values = 0;
		for (const { statistics } of own)
			for (const value of statistics.conditional?.[prompt]?.[measure] ?? [])
				if (Number.isFinite(value)) {
					sum += value;
					values++;
				}
		return sum / values;
	};
	return verdict(
		Array.from({ length: prompts }, (_, n) => ({
			encoder: half("encoder", n),
			decoder: half("decoder", n),
		})),
	);
}
