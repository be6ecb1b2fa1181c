import type { EncodeImage } from "../image/encodedImage.js";
import { jsonSeed } from "../random/seed.js";
import { rows, type Tensor } from "../tensor/tensor.js";
import { type Conditioner, forImages } from "./conditioner.js";
import { decodeLatents } from "./decodeLatents.js";
import { denoise } from "./denoise.js";
import {
	GeneratedImage,
	type ImageCost,
	type PipelineEvent,
	settingsSummary,
} from "./generatedImage.js";
import type { ImageModel } from "./imageParameters.js";
import { batchNoise, imageSeed } from "./initialNoise.js";
import type { LoadingNotice } from "./networkHost.js";
import type { Networks, RunNetworks } from "./networks.js";
import type { GenerateOptions } from "./options.js";
import type { RunSettings } from "./runSettings.js";
import { tilingOf } from "./tiling.js";

/** Denoising takes at least this many times the loading of the networks before they make room for the VAE. */
const WORTH_DECODING = 20;
/** Latents that wait for the VAE, at most. */
const MOST_WAITING = 16;

interface FinishedLatents {
	readonly index: number;
	readonly latents: Tensor;
	readonly initialNoise: Tensor;
	readonly cost: Omit<ImageCost, "decodingSeconds">;
}

/** A run with all that it needs. */
export interface Drawing {
	readonly networks: Networks;
	readonly conditioner: Conditioner;
	/** Of one image's latents `[channels, height, width]`. */
	readonly latentShape: readonly number[];
	readonly settings: RunSettings;
	readonly request: Pick<
		GenerateOptions,
		"initialNoise" | "denoiser" | "signal"
	>;
	readonly model: ImageModel;
	readonly encodeImage: EncodeImage;
	readonly onLoading: (notice: LoadingNotice) => void;
}

/**
 * Draws the images of a run. Where all networks stay in memory each batch is decoded when it is denoised; otherwise the UNet makes room
 * for the VAE only once denoising has taken so long that loading it again does not count. Nothing that was given out is kept.
 */
export async function* draw(drawing: Drawing): AsyncGenerator<PipelineEvent> {
	const { networks, settings, request } = drawing;
	const { numImages, batchSize, sampler } = settings;
	const { signal } = request;
	signal?.throwIfAborted();
	let loading = 0;
	const runOptions = {
		unetRuns: sampler.timesteps.length * Math.ceil(numImages / batchSize),
		onLoading: (notice: LoadingNotice) => {
			loading += notice.seconds ?? 0;
			drawing.onLoading(notice);
		},
	};
	const run = networks.run({ ...runOptions, signal });
	const end = networks.begin();
	try {
		const conditioning = await drawing.conditioner(run, settings);
		let waiting: FinishedLatents[] = [];
		let denoising = 0;
		loading = 0;
		for (let first = 0; first < numImages; first += batchSize) {
			try {
				waiting.push(...(yield* batch(drawing, run, conditioning, first)));
			} catch (error) {
				// what was finished before an abort is given out all the same
				if (signal?.aborted)
					yield* decodeAll(drawing, networks.run(runOptions), waiting);
				throw error;
			}
			for (const { cost } of waiting.slice(-batchSize))
				denoising += cost.denoisingSeconds;
			if (
				networks.keepResident ||
				first + batchSize >= numImages ||
				waiting.length >= MOST_WAITING ||
				denoising >= WORTH_DECODING * loading
			) {
				const finished = waiting;
				waiting = [];
				denoising = 0;
				loading = 0;
				yield* decodeAll(drawing, run, finished);
			}
		}
	} finally {
		// also where a consumer stops iterating, or the run fails
		await end();
	}
}

async function* batch(
	{ settings, request, latentShape }: Drawing,
	run: RunNetworks,
	conditioning: Awaited<ReturnType<Conditioner>>,
	first: number,
): AsyncGenerator<PipelineEvent, FinishedLatents[]> {
	const count = Math.min(settings.batchSize, settings.numImages - first);
	const seeds = Array.from({ length: count }, (_, n) =>
		imageSeed(settings.seed, first + n),
	);
	const noise = batchNoise(seeds, latentShape, settings.rng);
	const initialNoise = request.initialNoise
		? rows(request.initialNoise, first, first + count)
		: noise.initial;
	const steps = denoise(run, {
		...settings,
		conditioning: forImages(conditioning, count),
		initialNoise,
		noise: noise.next,
		denoiser: request.denoiser,
		signal: request.signal,
	});
	try {
		for (;;) {
			const { value, done } = await steps.next();
			if (!done) {
				yield { kind: "step", image: first, step: value };
				continue;
			}
			const { latents, cost } = value;
			return seeds.map((_, n) => ({
				index: first + n,
				latents: copy(rows(latents, n, n + 1)),
				initialNoise: copy(rows(initialNoise, n, n + 1)),
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
	} finally {
		await steps.return(undefined as never);
	}
}

/** The images of finished latents: one by one where the VAE is there to stay, else all while it is loaded. */
async function* decodeAll(
	{ networks, settings, model, encodeImage }: Drawing,
	run: RunNetworks,
	finished: readonly FinishedLatents[],
): AsyncGenerator<PipelineEvent> {
	const summary = settingsSummary(settings);
	const tiling = tilingOf(settings, networks.vaeConfig);
	const decode = (some: readonly FinishedLatents[]) =>
		run.decoding(async (decoder) => {
			const images: GeneratedImage[] = [];
			for (const { cost, ...latents } of some) {
				const started = performance.now();
				const waited = run.waitedSeconds();
				const [image] = await decodeLatents(
					decoder,
					networks.vaeConfig,
					latents.latents,
					tiling,
				);
				const decodingSeconds =
					(performance.now() - started) / 1000 - (run.waitedSeconds() - waited);
				images.push(
					new GeneratedImage(
						{
							...latents,
							image,
							seed: jsonSeed(imageSeed(settings.seed, latents.index)),
							settings: summary,
							cost: { ...cost, decodingSeconds },
							model,
						},
						encodeImage,
					),
				);
			}
			return images;
		});
	const groups = networks.keepResident
		? finished.map((one) => [one])
		: [finished];
	for (const group of groups)
		for (const result of await decode(group)) yield { kind: "image", result };
}

/** On memory of its own: a view on a batch would keep the whole batch. */
function copy({ dims, data }: Tensor): Tensor {
	return { dims, data: data.slice() };
}
