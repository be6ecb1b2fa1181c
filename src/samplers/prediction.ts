import { quantile } from "../tensor/quantile.js";
import type { SamplerConfig } from "./config/schedulerConfig.js";
import { weightedSum } from "./weightedSum.js";

/**
 * A noise level in variance-preserving space: latents are alpha · x_0 + sigma · noise, alpha² + sigma² = 1
 * (√ᾱ_t and √(1 - ᾱ_t) of DDPM; α_t and σ_t of DPM-Solver).
 */
export interface SignalNoise {
	readonly alpha: number;
	readonly sigma: number;
}

/** The noise level of a trained timestep with this ᾱ. */
export function signalNoiseOfAlphaBar(alphaBar: number): SignalNoise {
	return { alpha: Math.sqrt(alphaBar), sigma: Math.sqrt(1 - alphaBar) };
}

/** The noise level whose noise-to-signal ratio σ/α is `ratio` (k-diffusion's sigma); infinite where there is no signal. */
export function signalNoiseOfRatio(ratio: number): SignalNoise {
	if (ratio === Infinity) return { alpha: 0, sigma: 1 };
	const alpha = 1 / Math.sqrt(ratio ** 2 + 1);
	return { alpha, sigma: ratio * alpha };
}

/** λ = log(α/σ), half the log signal-to-noise ratio (DPM-Solver, section 2); infinite where there is no noise. */
export function logSignalNoise({ alpha, sigma }: SignalNoise): number {
	return Math.log(alpha) - Math.log(sigma);
}

/**
 * x_0 as the network predicts it, from latents in variance-preserving space. `v_prediction` is α · noise - σ · x_0
 * (Salimans & Ho 2022, appendix D).
 */
export function predictedOriginal(
	type: SamplerConfig["prediction_type"],
	prediction: Float32Array,
	latents: Float32Array,
	{ alpha, sigma }: SignalNoise,
): Float32Array {
	if (type === "sample") return prediction.slice();
	if (type === "epsilon")
		return weightedSum([1 / alpha, latents], [-sigma / alpha, prediction]);
	return weightedSum([alpha, latents], [-sigma, prediction]);
}

/** The noise as the network predicts it, from latents in variance-preserving space. */
export function predictedNoise(
	type: SamplerConfig["prediction_type"],
	prediction: Float32Array,
	latents: Float32Array,
	{ alpha, sigma }: SignalNoise,
): Float32Array {
	if (type === "epsilon") return prediction.slice();
	if (type === "sample")
		return weightedSum([1 / sigma, latents], [-alpha / sigma, prediction]);
	return weightedSum([alpha, prediction], [sigma, latents]);
}

/** The prediction that gives this x_0 at latents in variance-preserving space: `predictedOriginal` the other way round. */
export function predictionOfOriginal(
	type: SamplerConfig["prediction_type"],
	original: Float32Array,
	latents: Float32Array,
	level: SignalNoise,
): Float32Array {
	if (type === "sample") return original.slice();
	const noise = predictedNoise("sample", original, latents, level);
	return type === "epsilon"
		? noise
		: weightedSum([level.alpha, noise], [-level.sigma, original]);
}

/** x_0 as the network predicts it, from latents x_0 + sigma · noise (k-diffusion's space; Karras et al. 2022, eq. 7). */
export function predictedOriginalInSigmaSpace(
	type: SamplerConfig["prediction_type"],
	prediction: Float32Array,
	latents: Float32Array,
	sigma: number,
): Float32Array {
	if (type === "sample") return prediction.slice();
	if (type === "epsilon")
		return weightedSum([1, latents], [-sigma, prediction]);
	const variance = sigma ** 2 + 1;
	return weightedSum(
		[1 / variance, latents],
		[-sigma / Math.sqrt(variance), prediction],
	);
}

function clamp(values: Float32Array, bound: number): Float32Array {
	return values.map((value) => Math.min(Math.max(value, -bound), bound));
}

/**
 * Dynamic thresholding of x_0 (Imagen, Saharia et al. 2022, section 2.3), per image: s is a quantile of |x_0| within
 * [1, sample_max_value]; x_0 is clamped to [-s, s] and divided by s.
 */
export function dynamicThreshold(
	original: Float32Array,
	config: SamplerConfig,
	images = 1,
): Float32Array {
	const result = new Float32Array(original.length);
	const size = original.length / images;
	for (let start = 0; start < original.length; start += size) {
		const image = original.subarray(start, start + size);
		const sorted = image.map(Math.abs).sort();
		const s = Math.min(
			Math.max(quantile(sorted, config.dynamic_thresholding_ratio), 1),
			config.sample_max_value,
		);
		result.set(
			clamp(image, s).map((value) => value / s),
			start,
		);
	}
	return result;
}

/** x_0 thresholded or clipped to the range that the configuration wants, or as it is. */
export function boundedOriginal(
	original: Float32Array,
	config: SamplerConfig,
	images = 1,
): Float32Array {
	if (config.thresholding) return dynamicThreshold(original, config, images);
	if (config.clip_sample) return clamp(original, config.clip_sample_range);
	return original;
}
