import type { Sampler } from "../samplers/sampler.js";
import type { Tensor } from "../tensor/tensor.js";
import type { KeyStepPlan } from "./keyStepPlan.js";
import type { PlannedStep } from "./segments.js";
import type { UnetRunner } from "./unetRunner.js";

/** What the loop asks of a denoiser: the predictions for the steps of one segment. */
export interface DenoiserRequest {
	/** Steps of the segment, in order; only the first may read `input`. */
	readonly steps: readonly PlannedStep[];
	/** The network's input at the segment's first step: scaled latents `[images, 4, height, width]`. */
	readonly input: Tensor;
}

/**
 * A denoiser yields one (guided) prediction `[images, 4, height, width]` for each step of the request, in order. It does
 * not know the sampler's mathematics, as the sampler does not know the network. Plain sampling, encoder propagation and the
 * accelerators it is compared with are denoisers in one loop. The loop asks for no more than one prediction a step: what a
 * denoiser keeps for later it must keep before it yields.
 */
export type Denoiser = (request: DenoiserRequest) => AsyncGenerator<Tensor>;

/**
 * What guides one run, as inputs of the UNet by their names, one row an image: `encoder_hidden_states` `[images, tokens, width]`
 * and whatever else the model takes (SDXL's `text_embeds` and `time_ids`, class labels).
 */
export interface Conditioning {
	readonly positive: Readonly<Record<string, Tensor>>;
	/** The same inputs for the negative prompts; absent: no guidance, one network sample an image. */
	readonly negative?: Readonly<Record<string, Tensor>>;
	readonly guidanceScale: number;
}

/** What a denoiser is made for: one run. */
export interface DenoiserOptions {
	readonly unet: UnetRunner;
	readonly sampler: Sampler;
	readonly plan: KeyStepPlan;
	readonly conditioning: Conditioning;
	/** The most steps whose decoder halves run in one batch; 1 decodes one by one. */
	readonly maxDecodeBatch: number;
	/** Checked before every network call. */
	readonly signal?: AbortSignal;
}

/**
 * Classifier-free guidance: u + scale · (c − u), over predictions laid out `[unconditional × images, conditional × images]`.
 */
export function guide(prediction: Tensor, scale: number): Tensor {
	const [batch, ...rest] = prediction.dims;
	const half = prediction.data.length / 2;
	const unconditional = prediction.data.subarray(0, half);
	const conditional = prediction.data.subarray(half);
	return {
		dims: [batch / 2, ...rest],
		data: unconditional.map((u, i) => u + scale * (conditional[i] - u)),
	};
}
