import type { Denoiser } from "../propagation/denoiser.js";
import type { KeyStepPlan } from "../propagation/keyStepPlan.js";
import {
	injectNoise,
	type NoiseInjection,
} from "../propagation/noiseInjection.js";
import { planFrom } from "../propagation/planFrom.js";
import { segments } from "../propagation/segments.js";
import type { StepState } from "../propagation/stepState.js";
import type { Sampler, SamplerState } from "../samplers/sampler.js";
import { assertFinite } from "../tensor/assertFinite.js";
import type { Tensor } from "../tensor/tensor.js";

/** One step of a run, right after it was taken. */
export interface DenoisingStep {
	/** Index of the network evaluation, 0 to `count` − 1. */
	readonly index: number;
	readonly count: number;
	readonly timestep: number;
	/** Latents after the step `[images, channels, height, width]`. */
	readonly latents: Tensor;
	/** What this step estimates the clean latents to be: for previews. */
	readonly denoised: Tensor;
	/** The (guided) prediction the step was taken with. */
	readonly prediction: Tensor;
	/** What the sampler remembers after the step: a run may be continued from here. */
	readonly samplerState: SamplerState;
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
	/** Latents `[images, channels, height, width]` at the first evaluation, in the sampler's own scale. */
	readonly latents: Tensor;
	/** The first evaluation of the run; default 0. */
	readonly start?: number;
	/** What the sampler remembers of earlier evaluations, where a run is continued. */
	readonly samplerState?: SamplerState;
	/** Standard normal noise z_T of the same dims: what is injected. */
	readonly initialNoise: Tensor;
	readonly injection: NoiseInjection;
	/** Fresh standard normal noise of the same size, for stochastic samplers. */
	readonly noise: () => Float32Array;
	/** Latents to go on with in place of those after the step `index`, for masks. */
	readonly afterStep?: (
		latents: Float32Array,
		index: number,
	) => Float32Array | Promise<Float32Array>;
	readonly signal?: AbortSignal;
}

/**
 * The loop from noise to latents, for plain sampling and every kind of propagation alike (Faster Diffusion, algorithm 1):
 * for each segment of the plan the denoiser gives predictions; for each of its steps noise is injected, then the sampler
 * takes its step. A consumer that stops iterating stops the run.
 * @throws what `signal` was aborted with, before the next network call; UserError with the code "not_finite" when a
 *   prediction or latents are no finite numbers
 */
export async function* denoisingLoop(
	run: DenoisingRun,
): AsyncGenerator<DenoisingStep> {
	const { sampler, initialNoise, start = 0 } = run;
	const { dims } = run.latents;
	const count = sampler.timesteps.length;
	const at = (index: number) => `step ${index + 1} of ${count}`;
	let latents = run.latents.data;
	assertFinite(`latents before ${at(start)}`, run.latents);
	let state = run.samplerState ?? sampler.start();
	let clock = performance.now();
	for (const segment of segments(planFrom(run.plan, start), start)) {
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
			assertFinite(`prediction of ${at(index)}`, prediction);
			const injected = injectNoise(
				latents,
				initialNoise.data,
				sampler,
				index,
				run.injection,
			);
			const taken = sampler.step(state, {
				index,
				prediction: prediction.data,
				latents: injected,
				noise: run.noise,
				images: dims[0],
			});
			state = taken.state;
			latents = run.afterStep
				? await run.afterStep(taken.latents, index)
				: taken.latents;
			assertFinite(
				`latents after ${at(index)} of the sampler ${sampler.name}`,
				{ dims, data: latents },
				"its scheduler options do not fit",
			);
			const now = performance.now();
			yield {
				index,
				count,
				timestep: sampler.timesteps[index],
				latents: { dims, data: latents },
				denoised: { dims, data: taken.denoised },
				prediction,
				samplerState: state,
				state: stepState,
				encoderRan: stepState.run === "full",
				seconds: (now - clock) / 1000,
				networkSeconds: (answered - asked) / 1000,
			};
			clock = performance.now();
		}
	}
}
