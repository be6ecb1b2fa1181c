import type { Denoiser, DenoiserOptions } from "../propagation/denoiser.js";
import type { KeyStepPlan } from "../propagation/keyStepPlan.js";
import type { PlanFile } from "../propagation/planFile.js";
import type { SamplerConfig } from "../samplers/config/schedulerConfig.js";
import type { Tensor } from "../tensor/tensor.js";

/** What is to be drawn, and how. Everything but the prompt has a default. */
export interface GenerateOptions {
	readonly prompt: string;
	/** What to steer away from; default "" (used with guidance only). */
	readonly negativePrompt?: string;
	/** Pixels, a multiple of 8; default what the model was trained at. */
	readonly width?: number;
	/** Pixels, a multiple of 8; default what the model was trained at. */
	readonly height?: number;
	/** Sampler steps, 1 to 1000; default 20 (50 with DDIM, DDPM and PNDM, 4 with LCM). */
	readonly steps?: number;
	/** A sampler's name or alias: `ddim`, `dpm-solver`, `dpm-solver++`, `DPM++ 2M Karras`, … Default `dpm-solver++`. */
	readonly sampler?: string;
	/** Spacing of the noise levels where the sampler allows a choice: `even`, `karras`, `exponential`, `ays` or `default`. */
	readonly schedule?: string;
	/** diffusers' scheduler keys that override the model's own scheduler_config.json. */
	readonly schedulerConfig?: Partial<SamplerConfig>;
	/** DDIM's eta: 0 is deterministic. */
	readonly eta?: number;
	/** Classifier-free guidance; 1 and below turn it off. Default: what the model folder's generation_config.json says, else 7.5. */
	readonly guidanceScale?: number;
	/** Image n has seed + n. Default: random. */
	readonly seed?: number | bigint;
	readonly numImages?: number;
	/** Images that go through the network together. Default 1: on a CPU more bring nothing but memory. */
	readonly batchSize?: number;
	/** Which of torch's generators the noise is drawn like; default `cpu`. */
	readonly rng?: "cpu" | "cuda";
	/** Key steps: words as on the command line (default `paper`), a plan, or a plan file's content. */
	readonly keySteps?: string | KeyStepPlan | PlanFile;
	/** alpha of prior noise injection; 0 is off. Default 0.003 with propagation, 0 without. */
	readonly injectNoise?: number;
	/** tau: noise is injected where timestep / 1000 < tau. Default 0.5. */
	readonly injectUntil?: number;
	/** The most decoder steps in one batch; 1 decodes one by one. Default 1 on a CPU, 8 elsewhere. */
	readonly maxDecodeBatch?: number;
	/** Layers of the text encoder to leave out at its end, as in diffusers' `clip_skip`. */
	readonly clipSkip?: number;
	/** Understand A1111's `(word:1.3)` and `[word]`. Off by default: plain prompts match diffusers. */
	readonly promptWeighting?: boolean;
	/** Encode prompts of more than 77 tokens in chunks instead of cutting them. */
	readonly longPrompts?: boolean;
	/** Standard normal noise `[images, 4, height/8, width/8]` to start from instead of the seed's. */
	readonly initialNoise?: Tensor;
	/** Decode the image in overlapping tiles, for sizes that do not fit in memory at once. Default: above 768 x 768 pixels. */
	readonly tiledDecoding?: boolean;
	/** Another denoiser in the same loop: the accelerators that propagation is compared with. */
	readonly denoiser?: (options: DenoiserOptions) => Denoiser;
	/** Stops the run before the next network call. */
	readonly signal?: AbortSignal;
}
