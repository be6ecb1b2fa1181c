import type { SamplerConfig } from "./config/schedulerConfig.js";
import type { LatentSpace } from "./latentSpace.js";

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
	"tcd",
] as const;

export type SamplerName = (typeof SAMPLER_NAMES)[number];

/** What every sampler is made from. */
export interface SamplerContext {
	readonly name: SamplerName;
	/** Steps asked for; the number of evaluations may be higher (Heun, DPM2, PNDM). */
	readonly steps: number;
	readonly config: SamplerConfig;
	/** The share of fresh noise at each step: DDIM's eta, TCD's gamma; 0 adds none. */
	readonly eta: number;
	/** Where the steps begin, where they are given and not the sampler's own. */
	readonly grid?: Schedule;
}

/** Where a sampler evaluates the network. */
export interface Schedule {
	/** Training timesteps, descending; fractional where a noise level lies between two trained ones. */
	readonly timesteps: readonly number[];
	/** The noise level at each as sigma = sqrt(1 - ᾱ) / sqrt(ᾱ); a solver's may have one more, which its last step ends on. */
	readonly sigmas: readonly number[];
}

/**
 * What a sampler remembers between two evaluations: a plain value, never changed in place. Only the sampler that made it
 * reads what else its solver keeps in it.
 */
export interface SamplerState {
	/** Earlier predictions (or what the sampler made of them), the newest last; at most four. */
	readonly history: readonly Float32Array[];
}

/** The state of solvers that remember nothing, and of those that remember predictions alone before the first one. */
export const NO_HISTORY: SamplerState = { history: [] };

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
export interface SamplerOutput<State extends SamplerState = SamplerState> {
	readonly state: State;
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
 * The loop goes by *evaluations*: `timesteps` and `sigmas` have one entry for each call of the network. For most samplers that is one
 * a step; Heun and DPM2 have 2·steps - 1, PNDM (with skip_prk_steps, as Stable Diffusion has it) steps + 1.
 */
export interface Sampler extends LatentSpace, Schedule {
	readonly name: SamplerName;
	/** What the network's predictions are taken to be. */
	readonly predictionType: SamplerConfig["prediction_type"];
	/** Whether `step` draws noise. */
	readonly stochastic: boolean;
	/**
	 * 2 for samplers that evaluate the network twice a step (Heun, DPM2): a run that starts at step s (image-to-image)
	 * starts at the evaluation s · evaluationsPerStep.
	 */
	readonly evaluationsPerStep: 1 | 2;
	/**
	 * The state before the evaluation that a run begins with, which may be any (image-to-image starts late): solvers then
	 * begin with their lowest order, as at the first.
	 */
	start(): SamplerState;
	/** Takes one evaluation's step. Pure: neither `state` nor an array of `input` is changed. */
	step(state: SamplerState, input: SamplerInput): SamplerOutput;
}
