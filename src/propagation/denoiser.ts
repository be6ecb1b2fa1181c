import type { Tensor } from "../tensor/tensor.js";
import type { PlannedStep } from "./segments.js";

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
 * accelerators it is compared with are denoisers in one loop.
 */
export type Denoiser = (request: DenoiserRequest) => AsyncGenerator<Tensor>;

/** The text that guides one run. */
export interface Conditioning {
	/** Text states of the prompts `[images, tokens, width]`. */
	readonly positive: Tensor;
	/** Text states of the negative prompts, of the same shape; absent: no guidance, one network sample an image. */
	readonly negative?: Tensor;
	readonly guidanceScale: number;
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
