import type { SamplerContext, Schedule } from "../sampler.js";
import { alphasCumprod } from "./noiseSchedule.js";
import { sigmaOfTimestep, trainedSigmas } from "./sigmaSchedule.js";
import { spacedTimesteps } from "./timestepSpacing.js";

/** The schedule of samplers that go from one trained timestep to another by their ᾱ (DDIM, DDPM, PNDM, LCM, TCD). */
export interface AlphaSchedule extends Schedule {
	/** ᾱ of a timestep, trained or between two trained ones; below 0 that of the end (see set_alpha_to_one). */
	alphaBarAt(t: number): number;
}

/** @param timesteps the sampler's own where they are not spaced, in the place of a given grid's */
export function alphaSchedule(
	{ steps, config, grid }: SamplerContext,
	timesteps: readonly number[] = grid?.timesteps ??
		spacedTimesteps(steps, config),
): AlphaSchedule {
	const alphas = alphasCumprod(config);
	const trained = trainedSigmas(alphas);
	const given = new Map(grid?.timesteps.map((t, i) => [t, grid.sigmas[i]]));
	const sigmaAt = (t: number) =>
		Number.isInteger(t)
			? trained[t]
			: (given.get(t) ?? sigmaOfTimestep(t, trained));
	return {
		timesteps,
		sigmas: timesteps.map(sigmaAt),
		alphaBarAt(t) {
			if (t < 0) return config.set_alpha_to_one ? 1 : alphas[0];
			return Number.isInteger(t) ? alphas[t] : 1 / (1 + sigmaAt(t) ** 2);
		},
	};
}
