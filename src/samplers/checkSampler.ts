import { OptionError } from "../errors/optionError.js";
import { refusal } from "./config/samplerConfig.js";
import type { SamplerConfig } from "./config/schedulerConfig.js";
import type { Sampler } from "./sampler.js";
import { alphasCumprod } from "./schedules/noiseSchedule.js";
import { trainedSigmas, ZERO_SNR_ALPHA } from "./schedules/sigmaSchedule.js";

/** Refuses noise schedules that leave a timestep without noise or (but for the last) without signal. */
export function checkNoise(
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
	if (startsOnPureNoise(sigmas[0], config)) {
		const key = config.rescale_betas_zero_snr
			? "rescale_betas_zero_snr"
			: "trained_betas";
		if (config.prediction_type === "epsilon")
			refuse(
				key,
				`${name} starts on pure noise here, where a network that predicts noise says nothing: set prediction_type v_prediction if this one predicts v, else let steps begin later (timestep_spacing leading, default schedule)`,
			);
		if (name === "pndm")
			refuse(key, "pndm cannot start on pure noise; choose ddim");
	}
	if (!staysFinite(sampler, config))
		refuse(
			"",
			`with these settings ${name} computes no finite latents; choose another sampler or leave them out`,
		);
}

/** Whether the first step begins where a schedule without terminal signal has none, or hardly any. */
function startsOnPureNoise(sigma: number, config: SamplerConfig): boolean {
	if (alphasCumprod(config)[config.num_train_timesteps - 1] > 0) return false;
	const trained = trainedSigmas(alphasCumprod(config, ZERO_SNR_ALPHA));
	const [before, last] = trained.slice(-2);
	return sigma >= last || sigma > before * (1 + 1e-6);
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
