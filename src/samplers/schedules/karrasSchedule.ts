import type { SamplerContext, Schedule } from "../sampler.js";
import { alphasCumprod } from "./noiseSchedule.js";
import {
	aysSigmas,
	exponentialSigmas,
	karrasSigmas,
	sigmaOfTimestep,
	sigmaRange,
	timestepOfSigma,
	trainedSigmas,
	ZERO_SNR_ALPHA,
} from "./sigmaSchedule.js";
import { linspace, spacedTimesteps } from "./timestepSpacing.js";

/** The steps of a sampler in sigma space (Karras et al. 2022): from sigma to sigma, the last one mostly 0. */
export interface KarrasSchedule extends Schedule {
	/** √((1 - ᾱ) / ᾱ) of all trained timesteps. */
	readonly trained: Float32Array;
	/** The standard deviation of the initial latents. */
	readonly initNoiseSigma: number;
}

/**
 * The schedule of k-diffusion's samplers (Euler, Heun, LMS, DPM2) as diffusers sets it: timesteps by spacing, sigmas
 * interpolated at them; Karras and exponential sigmas span the same range, and their timesteps are looked up.
 */
export function karrasSchedule({
	steps,
	config,
	grid,
}: SamplerContext): KarrasSchedule {
	const trained = trainedSigmas(alphasCumprod(config, ZERO_SNR_ALPHA));
	let timesteps =
		grid?.timesteps ?? spacedTimesteps(steps, config, { rounded: false });
	let sigmas =
		grid?.sigmas ?? timesteps.map((t) => sigmaOfTimestep(t, trained));
	const { max, min } = sigmaRange(config, sigmas[0], sigmas[steps - 1]);
	let spread = true;
	if (config.use_ays_sigmas) sigmas = aysSigmas(steps).map(Math.fround);
	else if (config.use_karras_sigmas) sigmas = karrasSigmas(steps, max, min);
	else if (config.use_exponential_sigmas)
		sigmas = exponentialSigmas(steps, max, min);
	else {
		spread = false;
		if (config.interpolation_type === "log_linear" && !grid)
			sigmas = linspace(
				Math.log(trained[trained.length - 1]),
				Math.log(trained[0]),
				steps + 1,
			).map(Math.exp);
	}
	if (spread)
		timesteps = sigmas.map((sigma) => timestepOfSigma(sigma, trained));
	const last = config.final_sigmas_type === "sigma_min" ? trained[0] : 0;
	sigmas = [...sigmas, last].map(Math.fround);
	if (
		config.timestep_type === "continuous" &&
		config.prediction_type === "v_prediction"
	)
		timesteps = sigmas.slice(0, steps).map((sigma) => 0.25 * Math.log(sigma));
	const highest = Math.max(...sigmas);
	return {
		timesteps,
		sigmas,
		trained,
		initNoiseSigma:
			config.timestep_spacing === "leading"
				? Math.sqrt(highest ** 2 + 1)
				: highest,
	};
}
