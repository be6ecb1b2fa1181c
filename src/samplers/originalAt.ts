import {
	predictedOriginal,
	predictionOfOriginal,
	signalNoiseOfRatio,
} from "./prediction.js";
import type { Sampler } from "./sampler.js";

/**
 * The clean latents x_0 that a prediction at the evaluation `index` stands for.
 * @param input the network's input there (`scaleModelInput`), which is in variance-preserving space for every sampler
 */
export function originalAt(
	{ predictionType, sigmas }: Sampler,
	index: number,
	prediction: Float32Array,
	input: Float32Array,
): Float32Array {
	return predictedOriginal(
		predictionType,
		prediction,
		input,
		signalNoiseOfRatio(sigmas[index]),
	);
}

/** The prediction at the evaluation `index` that stands for these clean latents: `originalAt` the other way round. */
export function predictionAt(
	{ predictionType, sigmas }: Sampler,
	index: number,
	original: Float32Array,
	input: Float32Array,
): Float32Array {
	return predictionOfOriginal(
		predictionType,
		original,
		input,
		signalNoiseOfRatio(sigmas[index]),
	);
}
