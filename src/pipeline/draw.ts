import type { EncodeImage } from "../image/encodedImage.js";
import { jsonSeed } from "../random/seed.js";
import type { Conditioner } from "./conditioner.js";
import { decodeLatents } from "./decodeLatents.js";
import { type BatchRun, drawBatch, type FinishedLatents } from "./drawBatch.js";
import {
	GeneratedImage,
	type PipelineEvent,
	settingsSummary,
} from "./generatedImage.js";
import type { ImageModel } from "./imageParameters.js";
import { imageSeed } from "./initialNoise.js";
import type { LatentColours } from "./latentColours.js";
import { latentPreview } from "./latentPreview.js";
import type { LoadingNotice } from "./networkHost.js";
import type { Networks, RunNetworks } from "./networks.js";
import type { GenerateOptions } from "./options.js";
import type { PreparedPicture } from "./preparePicture.js";
import type { RunSettings } from "./runSettings.js";
import { tilingOf } from "./tiling.js";

/** Denoising takes at least this many times the loading of the networks before they make room for the VAE. */
const WORTH_DECODING = 20;
/** Latents that wait for the VAE, at most. */
const MOST_WAITING = 16;

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
	/** Of its latents, where they are known. */
	readonly colours?: LatentColours;
	readonly encodeImage: EncodeImage;
	readonly onLoading: (notice: LoadingNotice) => void;
}

/**
 * Draws the images of a run. Where all networks stay in memory each batch is decoded when it is denoised; otherwise the UNet makes room
 * for the VAE only once denoising has taken so long that loading it again does not count. Nothing that was given out is kept.
 */
export async function* draw(drawing: Drawing): AsyncGenerator<PipelineEvent> {
	const { networks, settings, request } = drawing;
	const { numImages, batchSize } = settings;
	const { signal } = request;
	signal?.throwIfAborted();
	// most runs begin with noise: what reads pictures a page need not fetch
	const picture =
		settings.picture &&
		(await import("./preparePicture.js")).preparePicture(
			settings.picture,
			settings,
		);
	const controls =
		settings.controls.length > 0 ? await import("./runControls.js") : undefined;
	let loading = 0;
	const runOptions = {
		unetRuns: settings.evaluations * Math.ceil(numImages / batchSize),
		onLoading: (notice: LoadingNotice) => {
			loading += notice.seconds ?? 0;
			drawing.onLoading(notice);
		},
	};
	const run = networks.run({ ...runOptions, signal });
	const end = networks.begin();
	try {
		const vae = networks.vaeConfig;
		const preview = settings.previewEvery
			? latentPreview(networks, run, drawing.colours)
			: undefined;
		if (settings.previewEvery && !preview)
			yield {
				kind: "warning",
				code: "no_preview",
				message:
					"there are no previews: the model's latents are of an unknown kind, and its autoencoder is too large to be run at every step",
			};
		const inpainting = networks.unetConfig.inChannels > vae.latentChannels;
		const batches: BatchRun = {
			...drawing,
			run,
			vae,
			inpainting,
			preview,
			controls: (size) =>
				controls?.runControls(settings.controls, run, {
					...size,
					count: settings.sampler.timesteps.length,
					resizeMode: settings.picture?.resizeMode,
					picture: picture &&
						settings.picture && {
							...settings.picture.image,
							place: picture.place,
						},
				}) ?? [],
			picture:
				picture &&
				(await (
					await import("./pictureStart.js")
				).encodeStart(
					picture,
					{
						strength: settings.picture?.strength ?? 1,
						content: settings.picture?.mask?.content,
					},
					{
						networks: run,
						tiling: tilingOf(settings, vae),
						factor: vae.factor,
						inpainting,
					},
				)),
			conditioning: await drawing.conditioner(run, settings),
		};
		const finish = picture?.finish;
		let waiting: FinishedLatents[] = [];
		let denoising = 0;
		loading = 0;
		for (let first = 0; first < numImages; first += batchSize) {
			try {
				waiting.push(...(yield* drawBatch(batches, first)));
			} catch (error) {
				// what was finished before an abort or a failure is given out all the same
				if (waiting.length > 0)
					try {
						yield* decodeAll(
							drawing,
							networks.run(runOptions),
							waiting,
							finish,
						);
					} catch {
						// the first failure says more
					}
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
				yield* decodeAll(drawing, run, finished, finish);
			}
		}
	} finally {
		// also where a consumer stops iterating, or the run fails
		await end();
	}
}

/** The images of finished latents: one by one where the VAE is there to stay, else all while it is loaded. */
async function* decodeAll(
	{ networks, settings, model, encodeImage }: Drawing,
	run: RunNetworks,
	finished: readonly FinishedLatents[],
	finish: PreparedPicture["finish"] = (image) => image,
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
							image: finish(image),
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
