import type { AutoencoderConfig } from "../models/vaeConfig.js";
import type { Conditioning } from "../propagation/denoiser.js";
import { rows, type Tensor } from "../tensor/tensor.js";
import { forImages } from "./conditioner.js";
import type { Control } from "./controlledUnet.js";
import {
	type DenoisedLatents,
	type DenoiseOptions,
	denoise,
	type RunCost,
} from "./denoise.js";
import type { ImageCost, PipelineEvent } from "./generatedImage.js";
import { batchDraws, imageSeed } from "./initialNoise.js";
import type { LatentPreview } from "./latentPreview.js";
import type { RunNetworks } from "./networks.js";
import type { GenerateOptions } from "./options.js";
import type { EncodedPicture } from "./pictureStart.js";
import type { ControlledPart } from "./runControls.js";
import type { RunSettings } from "./runSettings.js";

/** The latents of an image that is to be decoded. */
export interface FinishedLatents {
	readonly index: number;
	readonly latents: Tensor;
	readonly initialNoise: Tensor;
	readonly cost: Omit<ImageCost, "decodingSeconds">;
}

/** What the batches of a run have in common. */
export interface BatchRun {
	readonly run: RunNetworks;
	readonly vae: AutoencoderConfig;
	readonly conditioning: Conditioning;
	/** Of one image's latents `[channels, height, width]`. */
	readonly latentShape: readonly number[];
	readonly settings: RunSettings;
	readonly request: Pick<
		GenerateOptions,
		"initialNoise" | "denoiser" | "signal"
	>;
	readonly picture?: EncodedPicture;
	/** The control nets of a part of the run, which begins at an evaluation and draws at a size. */
	readonly controls: (
		part: Pick<ControlledPart, "width" | "height" | "start">,
	) => readonly Control[];
	/** Whether the UNet takes the mask and the masked picture. */
	readonly inpainting: boolean;
	readonly preview?: LatentPreview;
}

/** Denoises the images from `first` on that share a batch, at the larger size too where that is asked for. */
export async function* drawBatch(
	batch: BatchRun,
	first: number,
): AsyncGenerator<PipelineEvent, FinishedLatents[]> {
	const { settings, request, latentShape, picture } = batch;
	const { hires, sampler } = settings;
	const count = Math.min(settings.batchSize, settings.numImages - first);
	const seeds = Array.from({ length: count }, (_, n) =>
		imageSeed(settings.seed, first + n),
	);
	const draw = batchDraws(seeds, latentShape, settings.rng);
	const given =
		request.initialNoise && rows(request.initialNoise, first, first + count);
	const common = {
		...settings,
		conditioning: forImages(batch.conditioning, count),
		denoiser: request.denoiser,
		signal: request.signal,
	};
	const begin = {
		sampler,
		vae: batch.vae,
		inpainting: batch.inpainting,
	};
	const start = picture
		? (await import("./pictureStart.js")).pictureStart(picture, draw, {
				...begin,
				start: settings.start,
				initialNoise: given,
			})
		: { initialNoise: firstNoise(draw(), given) };
	let { latents, cost } = yield* steps(batch, first, {
		...common,
		...start,
		steering: batch.controls(settings),
		noise: () => draw().data,
	});
	if (hires) {
		const { enlarged } = await import("./enlarged.js");
		const { pictureStart } = await import("./pictureStart.js");
		const larger = await enlarged(latents, hires, batch);
		// as a run of its own that begins with the enlarged picture
		const again = batchDraws(seeds, larger.shape, settings.rng);
		const drawnOn = yield* steps(batch, first, {
			...common,
			...pictureStart({ moments: larger.moments, noiseAlone: false }, again, {
				...begin,
				start: hires.start,
			}),
			steering: batch.controls(hires),
			noise: () => again().data,
		});
		cost = bothCosts(cost, drawnOn.cost);
		latents = drawnOn.latents;
	}
	return seeds.map((_, n) => ({
		index: first + n,
		latents: copy(rows(latents, n, n + 1)),
		initialNoise: copy(rows(start.initialNoise, n, n + 1)),
		cost: {
			denoisingSeconds: cost.seconds / count,
			networkSeconds: cost.networkSeconds / count,
			flops: cost.flops / count,
			encoderRuns: cost.encoderRuns,
			evaluations: cost.evaluations,
			keySteps: cost.keySteps,
		},
	}));
}

/** The generator's first numbers are drawn where noise is given too: what it draws later stays the same. */
const firstNoise = (drawn: Tensor, given: Tensor | undefined) => given ?? drawn;

async function* steps(
	{ run, preview, settings: { previewEvery = 0 } }: BatchRun,
	image: number,
	options: DenoiseOptions,
): AsyncGenerator<PipelineEvent, DenoisedLatents> {
	const taken = denoise(run, options);
	try {
		for (let count = 1; ; count++) {
			const { value: step, done } = await taken.next();
			if (done) return step;
			yield {
				kind: "step",
				image,
				step,
				...(preview &&
					count % previewEvery === 0 && {
						preview: await preview(step.denoised),
					}),
			};
		}
	} finally {
		await taken.return(undefined as never);
	}
}

function bothCosts(a: RunCost, b: RunCost): RunCost {
	return {
		seconds: a.seconds + b.seconds,
		networkSeconds: a.networkSeconds + b.networkSeconds,
		flops: a.flops + b.flops,
		encoderRuns: a.encoderRuns + b.encoderRuns,
		evaluations: a.evaluations + b.evaluations,
		keySteps: [...a.keySteps, ...b.keySteps],
	};
}

/** On memory of its own: a view on a batch would keep the whole batch. */
function copy({ dims, data }: Tensor): Tensor {
	return { dims, data: data.slice() };
}
