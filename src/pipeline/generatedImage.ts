import type { RgbImage } from "../image/rgbImage.js";
import type { Sampler } from "../samplers/sampler.js";
import type { Tensor } from "../tensor/tensor.js";
import type { DenoisingStep } from "./denoisingLoop.js";
import type { LoadingNotice } from "./networkHost.js";
import type { RunSettings } from "./runSettings.js";

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
export type SettingsSummary = Omit<RunSettings, "sampler"> & {
	readonly sampler: Pick<
		Sampler,
		"name" | "timesteps" | "sigmas" | "predictionType" | "stochastic"
	>;
};

export function settingsSummary({
	sampler: { name, timesteps, sigmas, predictionType, stochastic },
	...settings
}: RunSettings): SettingsSummary {
	return {
		...settings,
		sampler: { name, timesteps, sigmas, predictionType, stochastic },
	};
}

/** A finished image. */
export interface GeneratedImage {
	/** 0-based index among the images of the run. */
	readonly index: number;
	readonly seed: bigint;
	readonly image: RgbImage;
	/** Final latents `[1, channels, height/8, width/8]`. */
	readonly latents: Tensor;
	/** The standard normal noise it began with, of the same shape. */
	readonly initialNoise: Tensor;
	readonly settings: SettingsSummary;
	readonly cost: ImageCost;
}

/** What happens in a run, as it happens: plain data that can be cloned. */
export type PipelineEvent =
	/** Loading of a network begins, or is done after `seconds`. */
	| ({ readonly kind: "loading" } & LoadingNotice)
	| {
			readonly kind: "step";
			/** Index of the first image of the batch that took the step. */
			readonly image: number;
			readonly step: DenoisingStep;
	  }
	| { readonly kind: "image"; readonly result: GeneratedImage };
