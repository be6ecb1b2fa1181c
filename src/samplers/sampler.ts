import type { SamplerConfig } from "./config/samplerConfig.js";

/** The samplers, by our names. `dpm-solver++` is the multistep solver of order 2 ("DPM++ 2M"). */
export const SAMPLER_NAMES = [
	"ddim",
	"ddpm",
	"dpm-solver",
	"dpm-solver++",
	"dpm-solver++-3m",
	"dpm-solver++-sde",
	"dpm-solver-singlestep",
	"dpm-solver++-singlestep",
	"euler",
	"euler-a",
	"heun",
	"lms",
	"pndm",
	"unipc",
	"lcm",
	"deis",
	"dpm2",
] as const;

export type SamplerName = (typeof SAMPLER_NAMES)[number];

/** What a sampler remembers between two evaluations: a plain value, never changed in place. */
export interface SamplerState {
	/** Earlier predictions (or what the sampler made of them), the newest last. */
	readonly history: readonly Float32Array[];
	/** Latents of an earlier evaluation that the sampler comes back to. */
	readonly sample?: Float32Array;
	/** A sum over the evaluations of one step, under way. */
	readonly partial?: Float32Array;
	/** The order of the step taken last. */
	readonly order?: number;
}

/** What one network evaluation gives to the sampler. */
export interface SamplerInput {
	/** Index into `timesteps` of this evaluation. */
	readonly index: number;
	/** The (guided) network output for the latents at `timesteps[index]`. */
	readonly prediction: Float32Array;
	/** The latents that were scaled and given to the network. */
	readonly latents: Float32Array;
	/** Fresh standard normal noise, as many values as `latents` has; called only by stochastic samplers. */
	readonly noise: () => Float32Array;
	/** How many images `latents` holds, one after another (1 if absent): dynamic thresholding goes by image. */
	readonly images?: number;
}

/** What a sampler makes of one evaluation. */
export interface SamplerOutput {
	readonly state: SamplerState;
	/** The latents for the next evaluation (the result after the last one). */
	readonly latents: Float32Array;
	/** The estimate of the clean latents x_0 from this evaluation alone, for previews. */
	readonly denoised: Float32Array;
}

/**
 * A sampler: a pure state machine from noise to latents. It never calls the network; the loop does:
 *
 * ```
 * let latents = noise * sampler.initNoiseSigma
 * let state = sampler.start()
 * for index of sampler.timesteps:
 *   prediction = network(sampler.scaleModelInput(latents, index), sampler.timesteps[index])
 *   ({ state, latents } = sampler.step(state, { index, prediction, latents, noise }))
 * ```
 *
 * The loop goes by *evaluations*: `timesteps` has one entry for each call of the network. For most samplers that is one
 * a step; Heun and DPM2 have 2·steps - 1, PNDM (with skip_prk_steps, as Stable Diffusion has it) steps + 1.
 */
export interface Sampler {
	readonly name: SamplerName;
	/** One for each network evaluation, descending; may be fractional (Karras sigmas with Euler). */
	readonly timesteps: readonly number[];
	/** The noise level of each evaluation as sigma = sqrt(1 - ᾱ) / sqrt(ᾱ). */
	readonly sigmas: readonly number[];
	/** What the network's predictions are taken to be. */
	readonly predictionType: SamplerConfig["prediction_type"];
	/** What standard normal noise is multiplied with to give the initial latents. */
	readonly initNoiseSigma: number;
	/** Whether `step` draws noise. */
	readonly stochastic: boolean;
	/** The network's input for latents at `timesteps[index]`; a new array, or `latents` itself where nothing is to be scaled. */
	scaleModelInput(latents: Float32Array, index: number): Float32Array;
	/**
	 * What one unit of noise in variance-preserving space is worth in this sampler's own space at `timesteps[index]`:
	 * 1 for variance-preserving samplers, sqrt(1 + sigma²) for those whose latents are x_0 + sigma · noise.
	 */
	injectionScale(index: number): number;
	/** The state before the first evaluation (which may be any index: image-to-image starts late). */
	start(): SamplerState;
	/** Takes one evaluation's step. Pure: neither `state` nor an array of `input` is changed. */
	step(state: SamplerState, input: SamplerInput): SamplerOutput;
}
