import type { EncodeImage, ImageFormat } from "../image/encodedImage.js";
import type { RgbImage } from "../image/rgbImage.js";
import type { Seed } from "../random/seed.js";
import type { Sampler } from "../samplers/sampler.js";
import type { Tensor } from "../tensor/tensor.js";
import type { DenoisingStep } from "./denoisingLoop.js";
import { type ImageModel, imageParameters } from "./imageParameters.js";
import type { LoadingNotice } from "./networkHost.js";
import type { SettledOptions } from "./options.js";
import type { RunSettings } from "./runSettings.js";
import type { Warning } from "./warning.js";
import { withoutPictures } from "./withoutPictures.js";

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

/** The settings of a run as plain data, without the sampler's functions: they can be cloned and posted to another thread. */
export type SettingsSummary = Omit<
	RunSettings,
	"sampler" | "picture" | "controls"
> & {
	readonly sampler: Pick<
		Sampler,
		"name" | "timesteps" | "sigmas" | "predictionType" | "stochastic"
	>;
};

export function settingsSummary({
	sampler: { name, timesteps, sigmas, predictionType, stochastic },
	picture: _,
	controls: __,
	...settings
}: RunSettings): SettingsSummary {
	return {
		...settings,
		sampler: { name, timesteps, sigmas, predictionType, stochastic },
	};
}

/** What an image is made of. */
export interface ImageParts {
	/** 0-based index among the images of the run. */
	readonly index: number;
	/** The seed of this image: a number where that is exact, else its decimal digits. */
	readonly seed: Seed;
	readonly image: RgbImage;
	/** Final latents `[1, channels, height/8, width/8]`. */
	readonly latents: Tensor;
	/** The standard normal noise it began with: of the same shape, or before it was enlarged. */
	readonly initialNoise: Tensor;
	readonly settings: SettingsSummary;
	readonly cost: ImageCost;
	/** The model that drew it. */
	readonly model: ImageModel;
}

/** An image as JSON: without its pixels and latents. */
export interface ImageJson
	extends Pick<ImageParts, "index" | "seed" | "cost" | "model"> {
	/** The options that make it again, alone. */
	readonly options: Omit<
		SettledOptions,
		"initialNoise" | "initImage" | "mask" | "controlImage" | "previewEvery"
	>;
}

/**
 * A finished image. Its methods are on the prototype, so that it can be cloned and posted to another thread (where it has
 * none of them).
 */
export class GeneratedImage implements ImageParts {
	readonly index: number;
	readonly seed: Seed;
	readonly image: RgbImage;
	readonly latents: Tensor;
	readonly initialNoise: Tensor;
	readonly settings: SettingsSummary;
	readonly cost: ImageCost;
	readonly model: ImageModel;
	readonly #encodeImage: EncodeImage;

	constructor(parts: ImageParts, encodeImage: EncodeImage) {
		this.index = parts.index;
		this.seed = parts.seed;
		this.image = parts.image;
		this.latents = parts.latents;
		this.initialNoise = parts.initialNoise;
		this.settings = parts.settings;
		this.cost = parts.cost;
		this.model = parts.model;
		this.#encodeImage = encodeImage;
	}

	/** The settings it was made with, as A1111 writes them: enough to make it again. */
	get parameters(): string {
		return imageParameters(this, this.model);
	}

	/**
	 * The bytes of its file, with the settings it was made with inside.
	 * @param options `quality` 1 to 100 for JPEG and WebP (default 95); `parameters` false for none, or another text
	 * @throws OptionError when the format or an option is wrong; UserError when the settings are too long for a JPEG
	 */
	encode(
		format: ImageFormat = "png",
		{ quality, parameters = true }: ImageEncoding = {},
	): Promise<Uint8Array<ArrayBuffer>> {
		return this.#encodeImage(this.image, format, {
			quality,
			parameters:
				parameters === true ? this.parameters : parameters || undefined,
		});
	}

	toJSON(): ImageJson {
		const { index, seed, cost, model } = this;
		const {
			initialNoise: _noise,
			previewEvery: _previewEvery,
			loras,
			embeddings,
			...options
		} = withoutPictures(this.settings.options);
		return {
			index,
			seed,
			options: {
				...options,
				loras: loras?.map(withoutContent),
				embeddings: embeddings?.map(withoutContent),
				seed,
				numImages: 1,
				batchSize: 1,
			},
			cost,
			model,
		};
	}
}

/** How an image's file is made. */
export interface ImageEncoding {
	readonly quality?: number;
	/** The text of its settings: written unless false. */
	readonly parameters?: boolean | string;
}

/** What happens in a run, as it happens: plain data that can be cloned. */
export type PipelineEvent =
	/** Loading of a network begins, or is done after `seconds`. */
	| ({ readonly kind: "loading" } & LoadingNotice)
	/** Something is done in another way than may be expected; once, at the beginning. */
	| ({ readonly kind: "warning" } & Warning)
	| {
			readonly kind: "step";
			/** Index of the first image of the batch that took the step. */
			readonly image: number;
			readonly step: DenoisingStep;
			/** What the step predicts for that image, small: at every so many steps as `previewEvery` says. */
			readonly preview?: RgbImage;
	  }
	| { readonly kind: "image"; readonly result: GeneratedImage };

/** A file's content is no JSON: its hash tells which one it is. */
function withoutContent<Option extends { readonly file?: unknown }>({
	file: _,
	...option
}: Option): Omit<Option, "file"> {
	return option;
}
