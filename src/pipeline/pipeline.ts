import { propagatedDenoiser } from "../accelerators/encoderPropagation.js";
import { OptionError } from "../errors/optionError.js";
import type { RgbImage } from "../image/rgbImage.js";
import { rows, type Tensor } from "../tensor/tensor.js";
import { loadTokenizer } from "../tokenizer/loadTokenizer.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import type { ModelFiles } from "../weights/folder/modelFiles.js";
import { forImages, textStates } from "./conditioner.js";
import { decodeLatents } from "./decodeLatents.js";
import { type DenoisingStep, denoisingLoop } from "./denoisingLoop.js";
import type { GenerateOptions } from "./generateOptions.js";
import { batchNoise, imageSeed } from "./initialNoise.js";
import { modelDefaults } from "./modelDefaults.js";
import {
	type NetworkOptions,
	type Networks,
	openNetworks,
} from "./networks.js";
import { checkWhole, type RunSettings, runSettings } from "./runSettings.js";

/** How a pipeline uses memory. */
export interface PipelineOptions extends NetworkOptions {
	/**
	 * Whether all networks stay in memory. Default: only where the weights are small; otherwise the text encoder makes room
	 * for the UNet, and the UNet for the VAE.
	 */
	readonly keepResident?: boolean;
}

/** What one image cost, loading of networks left out. */
export interface ImageCost {
	/** Seconds from noise to latents (shared out over the images of a batch). */
	readonly denoisingSeconds: number;
	/** Seconds of it inside the UNet. */
	readonly networkSeconds: number;
	/** Seconds in the VAE decoder. */
	readonly decodingSeconds: number;
	/** Floating-point operations of the UNet, two a multiply-add. */
	readonly flops: number;
	/** Key steps: how often the encoder half ran, and how many network evaluations the run had. */
	readonly encoderRuns: number;
	readonly evaluations: number;
	/** The evaluations at which it ran. */
	readonly keySteps: readonly number[];
}

/** A finished image. */
export interface GeneratedImage {
	/** 0-based index among the images of the run. */
	readonly index: number;
	readonly seed: bigint;
	readonly image: RgbImage;
	/** Final latents `[1, 4, height/8, width/8]`. */
	readonly latents: Tensor;
	/** The standard normal noise it began with, of the same shape. */
	readonly initialNoise: Tensor;
	readonly settings: RunSettings;
	readonly cost: ImageCost;
}

/** What happens in a run, as it happens. */
export type PipelineEvent =
	| {
			readonly kind: "step";
			/** Index of the first image of the batch that took the step. */
			readonly image: number;
			readonly step: DenoisingStep;
	  }
	| { readonly kind: "image"; readonly result: GeneratedImage };

/** A loaded model, ready to draw. */
export interface Pipeline {
	/** What the model was called when it was loaded. */
	readonly label: string;
	/** Ten hexadecimal digits that tell models apart. */
	readonly hash: string;
	readonly networks: Networks;
	readonly tokenizer: Tokenizer;
	/** The options with every default filled in. @throws UserError when one is wrong. */
	settings(options: GenerateOptions): RunSettings;
	/**
	 * Draws, telling each step and each image as it is done. A consumer that stops iterating stops the run. When it is
	 * aborted, images whose latents are finished are still given out before the abort is thrown.
	 */
	stream(options: GenerateOptions): AsyncGenerator<PipelineEvent>;
	/** Draws; the images, in order. */
	generate(options: GenerateOptions): Promise<GeneratedImage[]>;
	/** Frees the networks' memory. The pipeline may be used again: they are loaded anew. */
	release(): Promise<void>;
}

interface FinishedLatents {
	readonly index: number;
	readonly latents: Tensor;
	readonly initialNoise: Tensor;
	readonly cost: Omit<ImageCost, "decodingSeconds">;
}

/** Weights up to this many bytes all stay in memory. */
const SMALL_MODEL = 2 ** 30;

/** A pipeline over a model's files; nothing is loaded before it is first needed. */
export function createPipeline(
	files: ModelFiles,
	options: PipelineOptions = {},
): Pipeline {
	if (options.threads !== undefined)
		checkWhole("--threads", options.threads, 1, 1024);
	const networks = openNetworks(files, options);
	const tokenizer = loadTokenizer(files.tokenizer, `${files.label}/tokenizer`);
	const defaults = modelDefaults(
		files,
		networks,
		(options.device ?? "cpu") !== "cpu",
	);
	const keepResident =
		options.keepResident ?? weightBytes(files) <= SMALL_MODEL;

	async function* denoise(
		settings: RunSettings,
		request: GenerateOptions,
		conditioning: Awaited<ReturnType<typeof textStates>>,
		first: number,
	): AsyncGenerator<PipelineEvent, FinishedLatents[]> {
		const count = Math.min(settings.batchSize, settings.numImages - first);
		const seeds = Array.from({ length: count }, (_, n) =>
			imageSeed(settings.seed, first + n),
		);
		const dims = [
			networks.unetConfig.inChannels,
			settings.height / defaults.factor,
			settings.width / defaults.factor,
		];
		const noise = batchNoise(seeds, dims, settings.rng);
		const initialNoise = request.initialNoise
			? rows(request.initialNoise, first, first + count)
			: noise.initial;
		let flops = 0;
		let encoderRuns = 0;
		const denoiser = (request.denoiser ?? propagatedDenoiser)({
			unet: {
				...networks.unet,
				run(part, inputs, at) {
					if (part.encoder === "full") encoderRuns++;
					return networks.unet.run(part, inputs, at);
				},
			},
			sampler: settings.sampler,
			plan: settings.plan,
			conditioning: forImages(conditioning, count),
			maxDecodeBatch: settings.maxDecodeBatch,
			signal: request.signal,
			onFlops: (more) => {
				flops += more;
			},
		});
		let latents = initialNoise;
		let seconds = 0;
		let networkSeconds = 0;
		let encoderRunsBefore = 0;
		const keySteps: number[] = [];
		let loaded = networks.loadSeconds();
		for await (const step of denoisingLoop({
			sampler: settings.sampler,
			plan: settings.plan,
			denoiser,
			initialNoise,
			injection: settings.injection,
			noise: noise.next,
			signal: request.signal,
		})) {
			latents = step.latents;
			// networks are loaded when they first run: that is no part of what an image costs
			const loading = networks.loadSeconds() - loaded;
			loaded += loading;
			seconds += step.seconds - loading;
			networkSeconds += step.networkSeconds - loading;
			// some denoisers decide for themselves: what counts is what ran
			const encoderRan = encoderRuns > encoderRunsBefore;
			encoderRunsBefore = encoderRuns;
			if (encoderRan) keySteps.push(step.index);
			yield { kind: "step", image: first, step: { ...step, encoderRan } };
		}
		return seeds.map((_, n) => ({
			index: first + n,
			latents: rows(latents, n, n + 1),
			initialNoise: rows(initialNoise, n, n + 1),
			cost: {
				denoisingSeconds: seconds / count,
				networkSeconds: networkSeconds / count,
				flops: flops / count,
				encoderRuns,
				evaluations: settings.sampler.timesteps.length,
				keySteps,
			},
		}));
	}

	async function decode(
		settings: RunSettings,
		{ index, latents, initialNoise, cost }: FinishedLatents,
	): Promise<PipelineEvent> {
		const started = performance.now();
		const loaded = networks.loadSeconds();
		const [image] = await decodeLatents(networks, latents, settings);
		const decodingSeconds =
			(performance.now() - started) / 1000 - (networks.loadSeconds() - loaded);
		return {
			kind: "image",
			result: {
				index,
				seed: imageSeed(settings.seed, index),
				image,
				latents,
				initialNoise,
				settings,
				cost: { ...cost, decodingSeconds },
			},
		};
	}

	async function* stream(
		request: GenerateOptions,
	): AsyncGenerator<PipelineEvent> {
		const settings = checkedSettings(request);
		request.signal?.throwIfAborted();
		try {
			const conditioning = await textStates(networks, tokenizer, settings);
			if (!keepResident) await networks.releaseText();
			networks.expectRuns(
				settings.sampler.timesteps.length *
					Math.ceil(settings.numImages / settings.batchSize),
			);
			const waiting: FinishedLatents[] = [];
			let aborted: unknown;
			try {
				for (
					let first = 0;
					first < settings.numImages;
					first += settings.batchSize
				) {
					const finished = yield* denoise(
						settings,
						request,
						conditioning,
						first,
					);
					if (keepResident)
						for (const latents of finished)
							yield await decode(settings, latents);
					else waiting.push(...finished);
				}
			} catch (error) {
				if (!request.signal?.aborted || waiting.length === 0) throw error;
				aborted = error;
			}
			if (!keepResident) await networks.unet.release();
			for (const latents of waiting) yield await decode(settings, latents);
			if (aborted !== undefined) throw aborted;
		} finally {
			// also where a consumer stops iterating, or the run fails
			if (!keepResident) await release();
		}
	}

	/** As `runSettings`, with what the model's shape says about the noise it starts from. */
	function checkedSettings(request: GenerateOptions): RunSettings {
		const settings = runSettings(request, defaults);
		checkInitialNoise(
			request.initialNoise,
			settings,
			networks.unetConfig.inChannels,
			defaults.factor,
		);
		return settings;
	}

	async function release(): Promise<void> {
		await networks.releaseText();
		await networks.unet.release();
		await networks.releaseVae();
	}

	return {
		label: files.label,
		hash: files.hash,
		networks,
		tokenizer,
		settings: checkedSettings,
		stream,
		async generate(request) {
			const images: GeneratedImage[] = [];
			for await (const event of stream(request))
				if (event.kind === "image") images.push(event.result);
			return images;
		},
		release,
	};
}

function checkInitialNoise(
	noise: Tensor | undefined,
	{ numImages, width, height }: RunSettings,
	channels: number,
	factor: number,
): void {
	if (!noise) return;
	const expected = [numImages, channels, height / factor, width / factor];
	if (noise.dims.join() !== expected.join())
		throw new OptionError(
			"latents",
			`the initial noise is [${noise.dims.join(", ")}], but this run needs [${expected.join(", ")}]`,
		);
}

function weightBytes({ unet, textEncoder, vae }: ModelFiles): number {
	let total = 0;
	for (const { weights } of [unet, textEncoder, vae])
		for (const { length } of weights.tensors.values()) total += length;
	return total;
}
