import { type DenoiseOptions, denoised } from "../../pipeline/denoise.js";
import type { Pipeline } from "../../pipeline/pipeline.js";
import type { CalibrationPrompt } from "./calibrationPrompt.js";

/** One run to its end. */
export interface FinishedRun {
	readonly latents: Float32Array;
	/** Seconds spent waiting for the network. */
	readonly seconds: number;
	readonly flops: number;
}

export interface RunOptions
	extends Omit<DenoiseOptions, "conditioning" | "initialNoise" | "noise"> {
	readonly pipeline: Pipeline;
}

/** Runs a prompt from its noise to its final latents. */
export async function runToEnd(
	{ conditioning, initialNoise, noise }: CalibrationPrompt,
	{ pipeline, ...options }: RunOptions,
): Promise<FinishedRun> {
	const { latents, cost } = await denoised(
		pipeline.denoise({
			...options,
			conditioning,
			initialNoise,
			noise: noise(),
		}),
	);
	return {
		latents: latents.data,
		seconds: cost.networkSeconds,
		flops: cost.flops,
	};
}
