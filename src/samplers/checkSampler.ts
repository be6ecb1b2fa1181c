import { OptionError } from "../errors/optionError.js";
import { refusal } from "./config/samplerConfig.js";
import type { SamplerConfig } from "./config/schedulerConfig.js";
import type { Sampler, SamplerName } from "./sampler.js";
import { alphasCumprod } from "./schedules/noiseSchedule.js";
import { trainedSigmas } from "./schedules/sigmaSchedule.js";

/** Refuses noise schedules that leave a timestep without noise or (but for the last) without signal. */
export function checkNoise(
	name: SamplerName,
	config: SamplerConfig,
	overrides: Partial<SamplerConfig>,
): void {
	const refuse = refusal(overrides);
	const key = config.trained_betas
		? "trained_betas"
		: overrides.beta_start === undefined
			? "beta_end"
			: "beta_start";
	const alphas = alphasCumprod(config);
	for (let t = 0; t < alphas.length; t++) {
		const before = t === 0 ? 1 : alphas[t - 1];
		if (!(alphas[t] < before))
			refuse(
				key,
				`the noise does not grow at timestep ${t}: these betas are too small to sample with`,
			);
		if (!(alphas[t] > 0) && t < alphas.length - 1)
			refuse(
				key,
				`no signal is left at timestep ${t}: these betas are too large to sample with`,
			);
	}
	if (name === "pndm" && alphas[alphas.length - 1] === 0)
		refuse(
			config.trained_betas ? key : "rescale_betas_zero_snr",
			"pndm cannot start where no signal is left; choose ddim",
		);
}

/** Refuses what can only be seen in the run itself, by running it on one number. */
export function checkRun(
	sampler: Sampler,
	steps: number,
	config: SamplerConfig,
	overrides: Partial<SamplerConfig>,
): void {
	const { name, timesteps, sigmas } = sampler;
	if (timesteps.length > 1 && timesteps[0] === timesteps[timesteps.length - 1])
		throw new OptionError(
			"steps",
			`${steps}: timestep_spacing ${config.timestep_spacing} has not so many timesteps for ${name}; take fewer, or the spacing trailing`,
		);
	const refuse = refusal(overrides);
	if (
		config.prediction_type === "epsilon" &&
		startsOnPureNoise(sigmas[0], config)
	)
		refuse(
			config.rescale_betas_zero_snr
				? "rescale_betas_zero_snr"
				: "trained_betas",
			`${name} starts on pure noise here, where a network that predicts noise says nothing: it needs prediction_type v_prediction, or timesteps that begin later (timestep_spacing leading)`,
		);
	if (!staysFinite(sampler, config))
		refuse(
			Object.keys(overrides)[0] ?? "beta_schedule",
			`with these settings ${name} computes no finite latents; choose another sampler or leave them out`,
		);
}

/** Whether the first step begins above the last noise level that has signal. */
function startsOnPureNoise(sigma: number, config: SamplerConfig): boolean {
	const alphas = alphasCumprod(config);
	if (alphas[alphas.length - 1] > 0) return false;
	return sigma > trainedSigmas(alphas)[alphas.length - 2] * (1 + 1e-6);
}

function staysFinite(sampler: Sampler, config: SamplerConfig): boolean {
	const one = Float32Array.of(1);
	const learned = config.variance_type?.startsWith("learned");
	const prediction = learned ? Float32Array.of(0.5, 0.5) : Float32Array.of(0.5);
	let latents: Float32Array = Float32Array.of(sampler.initNoiseSigma);
	let state = sampler.start();
	for (let index = 0; index < sampler.timesteps.length; index++) {
		const [input] = sampler.scaleModelInput(latents, index);
		({ state, latents } = sampler.step(state, {
			index,
			prediction,
			latents,
			noise: () => one,
		}));
		if (
			!Number.isFinite(sampler.timesteps[index]) ||
			!Number.isFinite(input) ||
			!Number.isFinite(latents[0])
		)
			return false;
	}
	return true;
}
