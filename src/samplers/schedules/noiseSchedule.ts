import type { SamplerConfig } from "../config/schedulerConfig.js";

const { fround } = Math;

/** `count` float32 values from `start` to `end` as torch.linspace has them: counted up from the start, then down from the end. */
function linspace(start: number, end: number, count: number): Float32Array {
	if (count === 1) return Float32Array.of(start);
	const first = fround(start);
	const last = fround(end);
	const step = fround(fround(last - first) / (count - 1));
	return Float32Array.from({ length: count }, (_, i) =>
		i < Math.floor(count / 2)
			? first + fround(step * i)
			: last - fround(step * (count - i - 1)),
	);
}

/** The cosine schedule of "Improved DDPM" (Nichol & Dhariwal 2021, eq. 17), betas capped at 0.999. */
function cosineBetas(count: number): Float32Array {
	const alphaBar = (t: number) =>
		Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2;
	return Float32Array.from({ length: count }, (_, i) =>
		Math.min(1 - alphaBar((i + 1) / count) / alphaBar(i / count), 0.999),
	);
}

/** ᾱ: the running products of 1 - beta, accumulated in double and kept in float32, as torch.cumprod does on a CPU. */
function cumulativeAlphas(betas: Float32Array): Float32Array {
	let product = 1;
	return betas.map((beta) => {
		product *= fround(1 - beta);
		return product;
	});
}

/** "Common Diffusion Noise Schedules and Sample Steps are Flawed" (Lin et al. 2023), algorithm 1: betas whose last ᾱ is 0. */
function rescaleToZeroTerminalSnr(betas: Float32Array): Float32Array {
	const roots = cumulativeAlphas(betas).map(Math.sqrt);
	const first = roots[0];
	const last = roots[roots.length - 1];
	const stretch = fround(first / fround(first - last));
	const alphasBar = roots.map((root) => {
		const stretched = fround(fround(root - last) * stretch);
		return stretched * stretched;
	});
	return alphasBar.map(
		(value, t) => 1 - (t === 0 ? value : fround(value / alphasBar[t - 1])),
	);
}

/**
 * ᾱ_t of the noise schedule a model was trained with, for t = 0 … num_train_timesteps - 1: what is left of the image's
 * variance at t. Float32 operations in the order of diffusers' schedulers, since sigmas and timesteps are read off it.
 *
 * `zeroSnrFloor` is what a last ᾱ of exactly 0 becomes (samplers in sigma space need a finite sigma: 2⁻²⁴ in diffusers).
 */
export function alphasCumprod(
	config: SamplerConfig,
	zeroSnrFloor = 0,
): Float32Array {
	const count = config.num_train_timesteps;
	let betas: Float32Array;
	if (config.trained_betas) betas = Float32Array.from(config.trained_betas);
	else if (config.beta_schedule === "linear")
		betas = linspace(config.beta_start, config.beta_end, count);
	else if (config.beta_schedule === "scaled_linear")
		betas = linspace(
			Math.sqrt(config.beta_start),
			Math.sqrt(config.beta_end),
			count,
		).map((root) => root * root);
	else betas = cosineBetas(count);
	const alphas = cumulativeAlphas(
		config.rescale_betas_zero_snr ? rescaleToZeroTerminalSnr(betas) : betas,
	);
	if (alphas[count - 1] === 0) alphas[count - 1] = zeroSnrFloor;
	return alphas;
}
