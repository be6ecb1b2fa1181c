import type { SamplerConfig } from "../config/schedulerConfig.js";
import { linspace } from "./timestepSpacing.js";

const { fround } = Math;

/** What a last ᾱ of 0 (zero terminal SNR) becomes for samplers in sigma space, which need finite sigmas; as in diffusers. */
export const ZERO_SNR_ALPHA = 2 ** -24;

/** sigma = √((1 - ᾱ) / ᾱ) of every trained timestep, ascending: the noise-to-signal ratios of the training schedule. */
export function trainedSigmas(alphas: Float32Array): Float32Array {
	return alphas.map((alpha) =>
		// torch rounds this one up, and nearly all of the latents cancels in the step that leaves it: an ulp shows.
		alpha === ZERO_SNR_ALPHA
			? 4096
			: Math.sqrt(fround(fround(1 - alpha) / alpha)),
	);
}

/** The sigma of a timestep that may lie between two trained ones, between theirs linearly. */
export function sigmaOfTimestep(t: number, trained: Float32Array): number {
	const low = Math.min(Math.max(Math.floor(t), 0), trained.length - 1);
	const high = Math.min(low + 1, trained.length - 1);
	const share = Math.min(Math.max(t - low, 0), 1);
	return trained[low] + share * (trained[high] - trained[low]);
}

/** The (fractional) timestep of a sigma, between the trained ones by log sigma; clamped to their range. */
export function timestepOfSigma(sigma: number, trained: Float32Array): number {
	const log = (index: number) => fround(Math.log(trained[index]));
	const logSigma = Math.log(Math.max(sigma, 1e-10));
	let low = 0;
	let above = trained.length - 1;
	// The last index whose log sigma is not above: at least 0, at most the last but one.
	while (above - low > 1) {
		const middle = (low + above) >> 1;
		if (log(middle) <= logSigma) low = middle;
		else above = middle;
	}
	const share = (log(low) - logSigma) / (log(low) - log(low + 1));
	const clamped = Math.min(Math.max(share, 0), 1);
	return (1 - clamped) * low + clamped * (low + 1);
}

/** Karras et al. 2022, eq. 5, with rho = 7: sigmas descending from `max` to `min`. */
export function karrasSigmas(
	count: number,
	max: number,
	min: number,
): number[] {
	const rho = 7;
	const from = max ** (1 / rho);
	const to = min ** (1 / rho);
	return linspace(0, 1, count).map(
		(ramp) => (from + ramp * (to - from)) ** rho,
	);
}

/** Sigmas descending from `max` to `min` by a constant factor. */
export function exponentialSigmas(
	count: number,
	max: number,
	min: number,
): number[] {
	return linspace(Math.log(max), Math.log(min), count).map(Math.exp);
}

// Align Your Steps (Sabour et al. 2024), the published tables of ten steps for Stable Diffusion v1.5.
const AYS_SIGMAS = [
	14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029,
];
const AYS_TIMESTEPS = [999, 850, 736, 645, 545, 455, 343, 233, 124, 24];

/**
 * The "Align Your Steps" sigmas of Stable Diffusion v1.5 for a number of steps, descending, the final one left out. The
 * published table has ten steps; other numbers are read off it, between its points by log sigma, as its authors do.
 */
export function aysSigmas(steps: number): number[] {
	const last = AYS_SIGMAS.length - 1;
	return Array.from({ length: steps }, (_, i) => {
		const position = (i * last) / steps;
		const low = Math.floor(position);
		const share = position - low;
		if (share === 0) return AYS_SIGMAS[low];
		return Math.exp(
			(1 - share) * Math.log(AYS_SIGMAS[low]) +
				share * Math.log(AYS_SIGMAS[low + 1]),
		);
	});
}

/** The published timesteps that go with the ten AYS sigmas; for other numbers of steps, the nearest to the sigmas'. */
export function aysTimesteps(steps: number, trained: Float32Array): number[] {
	if (steps === AYS_TIMESTEPS.length)
		return AYS_TIMESTEPS.map((t) => Math.min(t, trained.length - 1));
	return aysSigmas(steps).map((sigma) =>
		Math.round(timestepOfSigma(sigma, trained)),
	);
}

/** The ends of a Karras or exponential schedule: those of the configuration, or else of the sigmas it replaces. */
export function sigmaRange(
	config: SamplerConfig,
	max: number,
	min: number,
): { max: number; min: number } {
	return { max: config.sigma_max ?? max, min: config.sigma_min ?? min };
}
