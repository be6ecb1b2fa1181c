import { propagatedDenoiser } from "../../accelerators/encoderPropagation.js";
import { denoisingLoop } from "../../pipeline/denoisingLoop.js";
import type { Denoiser, DenoiserOptions } from "../../propagation/denoiser.js";
import type { KeyStepPlan } from "../../propagation/keyStepPlan.js";
import {
	NO_INJECTION,
	type NoiseInjection,
} from "../../propagation/noiseInjection.js";
import type { UnetRunner } from "../../propagation/unetRunner.js";
import type { Sampler } from "../../samplers/sampler.js";
import type { CalibrationPrompt } from "./calibrationPrompt.js";

/** One run to its end. */
export interface FinishedRun {
	readonly latents: Float32Array;
	/** Seconds spent waiting for the network. */
	readonly seconds: number;
	readonly flops: number;
}

export interface RunOptions {
	readonly unet: UnetRunner;
	readonly sampler: Sampler;
	readonly plan: KeyStepPlan;
	readonly injection?: NoiseInjection;
	readonly maxDecodeBatch?: number;
	readonly denoiser?: (options: DenoiserOptions) => Denoiser;
	readonly signal?: AbortSignal;
}

/** Runs a prompt from its noise to its final latents. */
export async function runToEnd(
	{ conditioning, initialNoise, noise }: CalibrationPrompt,
	options: RunOptions,
): Promise<FinishedRun> {
	const { unet, sampler, plan, signal } = options;
	let latents = initialNoise.data;
	let seconds = 0;
	let flops = 0;
	for await (const step of denoisingLoop({
		sampler,
		plan,
		denoiser: (options.denoiser ?? propagatedDenoiser)({
			unet,
			sampler,
			plan,
			conditioning,
			maxDecodeBatch: options.maxDecodeBatch ?? 1,
			signal,
			onFlops: (more) => {
				flops += more;
			},
		}),
		initialNoise,
		injection: options.injection ?? NO_INJECTION,
		noise: noise(),
		signal,
	})) {
		latents = step.latents.data;
		seconds += step.networkSeconds;
	}
	return { latents, seconds, flops };
}
