import type { SamplerConfig } from "../config/schedulerConfig.js";
import {
	boundedOriginal,
	logSignalNoise,
	predictedNoise,
	predictedOriginal,
	type SignalNoise,
	signalNoiseOfRatio,
} from "../prediction.js";
import type { SamplerInput } from "../sampler.js";
import { type Term, weightedSum } from "../weightedSum.js";

/*
 * The exponential integrators of DPM-Solver (Lu et al. 2022, "DPM-Solver: A Fast ODE Solver for Diffusion Probabilistic
 * Model Sampling in Around 10 Steps"), over predicted noise, and DPM-Solver++ (Lu et al. 2022, arXiv 2211.01095), over
 * predicted x_0, and its SDE form (the same paper). All go from a noise level s to t with h = λ_t - λ_s
 * by
 *
 *   x_t = keep · x_s + Σ_k weight_k · D_k + spread · z
 *
 * where D_0 is the network's value at s and D_1, D_2 are its differences, which each solver forms from the evaluations it
 * has. Only the weights differ.
 */

/** The network's value that the algorithm integrates (noise or x_0), and x_0 for previews. */
export function solverOutput(
	config: SamplerConfig,
	{ prediction, latents, images }: SamplerInput,
	level: SignalNoise,
): { output: Float32Array; denoised: Float32Array } {
	const original = predictedOriginal(
		config.prediction_type,
		prediction,
		latents,
		level,
	);
	const denoised = boundedOriginal(
		original,
		{ ...config, clip_sample: false },
		images,
	);
	if (config.algorithm_type !== "dpmsolver")
		return { output: denoised, denoised };
	const output = config.thresholding
		? predictedNoise("sample", denoised, latents, level)
		: predictedNoise(config.prediction_type, prediction, latents, level);
	return { output, denoised };
}

/** The coefficients of one step from noise level s to t. */
export interface StepWeights {
	/** Of the latents at s. */
	readonly keep: number;
	/** Of D_0. */
	readonly value: number;
	/** Of D_1 in the second-order `midpoint` form. */
	readonly midpoint: number;
	/** Of D_1 in the second-order `heun` form and in third order. */
	readonly slope: number;
	/** Of D_2 in third order. */
	readonly curvature: number;
	/** Of fresh noise (0 for ODE solvers). */
	readonly spread: number;
}

/**
 * The coefficients of a step. DPM-Solver: eq. 3.7 and algorithms 1 and 2; DPM-Solver++:
 * algorithms 1 and 2; SDE-DPM-Solver++: its section on SDE samplers. At t without noise, h is infinite and only first order has a limit.
 */
export function stepWeights(
	algorithm: SamplerConfig["algorithm_type"],
	from: SignalNoise,
	to: SignalNoise,
): StepWeights {
	const h = logSignalNoise(to) - logSignalNoise(from);
	if (algorithm === "dpmsolver") {
		const growth = Math.expm1(h);
		return {
			keep: to.alpha / from.alpha,
			value: -to.sigma * growth,
			midpoint: -0.5 * to.sigma * growth,
			slope: -to.sigma * (growth / h - 1),
			curvature: -to.sigma * ((growth - h) / h ** 2 - 0.5),
			spread: 0,
		};
	}
	if (algorithm === "dpmsolver++") {
		const decay = Math.expm1(-h);
		return {
			keep: to.sigma / from.sigma,
			value: -to.alpha * decay,
			midpoint: -0.5 * to.alpha * decay,
			slope: to.alpha * (decay / h + 1),
			curvature: -to.alpha * ((decay + h) / h ** 2 - 0.5),
			spread: 0,
		};
	}
	const gain = -Math.expm1(-2 * h);
	return {
		keep: (to.sigma / from.sigma) * Math.exp(-h),
		value: to.alpha * gain,
		midpoint: 0.5 * to.alpha * gain,
		slope: to.alpha * (gain / (-2 * h) + 1),
		curvature: to.alpha * ((gain - 2 * h) / (2 * h) ** 2 - 0.5),
		spread: to.sigma * Math.sqrt(gain),
	};
}

/** What a step of a solver goes by: noise levels as sigma ratios, values newest first, and noise if the solver is an SDE's. */
export interface SolverStep {
	readonly config: SamplerConfig;
	readonly latents: Float32Array;
	/** Sigma to go to. */
	readonly to: number;
	/** Sigmas of the values, newest first. */
	readonly at: readonly number[];
	/** The network's values (see solverOutput), newest first. */
	readonly values: readonly Float32Array[];
	readonly noise?: Float32Array;
}

/** First order, from the newest value: DDIM in terms of λ (DPM-Solver, eq. 3.7). */
export function firstOrderStep(step: SolverStep): Float32Array {
	const { config, latents, noise } = step;
	const weights = stepWeights(
		config.algorithm_type,
		signalNoiseOfRatio(step.at[0]),
		signalNoiseOfRatio(step.to),
	);
	return weightedSum(
		[weights.keep, latents],
		[weights.value, step.values[0]],
		...noiseTerm(weights, noise),
	);
}

export function noiseTerm(
	weights: StepWeights,
	noise: Float32Array | undefined,
): Term[] {
	return noise ? [[weights.spread, noise]] : [];
}

/** λ of a sigma ratio. */
export function logSnr(sigma: number): number {
	return logSignalNoise(signalNoiseOfRatio(sigma));
}
