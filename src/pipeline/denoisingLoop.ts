import type { Denoiser } from "../propagation/denoiser.js";
import type { KeyStepPlan } from "../propagation/keyStepPlan.js";
import {
	injectNoise,
	type NoiseInjection,
} from "../propagation/noiseInjection.js";
import { segments } from "../propagation/segments.js";
import type { StepState } from "../propagation/stepState.js";
import type { Sampler } from "../samplers/sampler.js";
import type { Tensor } from "../tensor/tensor.js";

/** One step of a run, right after it was taken. */
export interface DenoisingStep {
	/** Index of the network evaluation, 0 to `count` − 1. */
	readonly index: number;
	readonly count: number;
	readonly timestep: number;
	/** Latents after the step `[images, 4, height/8, width/8]`. */
	readonly latents: Tensor;
	/** What this step estimates the clean latents to be: for previews. */
	readonly denoised: Tensor;
	/** The (guided) prediction the step was taken with. */
	readonly prediction: Tensor;
	readonly state: StepState;
	/** Whether the encoder half ran in this step: true at key steps. */
	readonly encoderRan: boolean;
	/** Seconds since the step before was given out, network included. */
	readonly seconds: number;
	/** Seconds of it that were spent waiting for the denoiser. A batch of decoder steps counts at its first. */
	readonly networkSeconds: number;
}

/** What a run is made of. */
export interface DenoisingRun {
	readonly sampler: Sampler;
	readonly plan: KeyStepPlan;
	readonly denoiser: Denoiser;
	/** Standard normal noise z_T `[images, 4, height/8, width/8]`: the initial latents before scaling, and what is injected. */
	readonly initialNoise: Tensor;
	readonly injection: NoiseInjection;
	/** Fresh standard normal noise of the same size, for stochastic samplers. */
	readonly noise: () => Float32Array;
	readonly signal?: AbortSignal;
	readonly trainTimesteps?: number;
}

/**
 * The loop from noise to latents, for plain sampling and every kind of propagation alike (Faster Diffusion, algorithm 1):
 * for each segment of the plan the denoiser gives predictions; for each of its steps noise is injected, then the sampler
 * takes its step. A consumer that stops iterating stops the run.
 * @throws what `signal` was aborted with, before the next network call
 */
export async function* denoisingLoop(
	run: DenoisingRun,
): AsyncGenerator<DenoisingStep> {
	const { sampler, plan, initialNoise } = run;
	const { dims } = initialNoise;
	let latents: Float32Array = initialNoise.data.map(
		(z) => z * sampler.initNoiseSigma,
	);
	let state = sampler.start();
	let clock = performance.now();
	for (const segment of segments(plan)) {
		run.signal?.throwIfAborted();
		const predictions = run.denoiser({
			steps: segment,
			input: {
				dims,
				data: sampler.scaleModelInput(latents, segment[0].index),
			},
		});
		for (const { index, state: stepState } of segment) {
			const asked = performance.now();
			const { value: prediction, done } = await predictions.next();
			if (done)
				throw new RangeError(
					`the denoiser gave no prediction for step ${index}`,
				);
			const answered = performance.now();
			const injected = injectNoise(
				latents,
				initialNoise.data,
				sampler,
				index,
				run.injection,
				run.trainTimesteps,
			);
			const taken = sampler.step(state, {
				index,
				prediction: prediction.data,
				latents: injected,
				noise: run.noise,
				images: dims[0],
			});
			({ state, latents } = taken);
			const now = performance.now();
			yield {
				index,
				count: sampler.timesteps.length,
				timestep: sampler.timesteps[index],
				latents: { dims, data: latents },
				denoised: { dims, data: taken.denoised },
				prediction,
				state: stepState,
				encoderRan: stepState.run === "full",
				seconds: (now - clock) / 1000,
				networkSeconds: (answered - asked) / 1000,
			};
			clock = performance.now();
		}
	}
}
