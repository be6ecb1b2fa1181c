import { roundHalfEven } from "../../tensor/roundHalfEven.js";
import { logSignalNoise, signalNoiseOfAlphaBar } from "../prediction.js";
import type { SamplerContext, Schedule } from "../sampler.js";
import { alphasCumprod } from "./noiseSchedule.js";
import {
	aysTimesteps,
	exponentialSigmas,
	karrasSigmas,
	sigmaOfTimestep,
	sigmaRange,
	timestepOfSigma,
	trainedSigmas,
	ZERO_SNR_ALPHA,
} from "./sigmaSchedule.js";
import { solverTimesteps } from "./timestepSpacing.js";

/** How many of the noisiest trained timesteps are left out since their λ is below lambda_min_clipped. */
function clippedTimesteps(alphas: Float32Array, minimum: number): number {
	let count = 0;
	for (let t = alphas.length - 1; t >= 0; t--) {
		if (!(logSignalNoise(signalNoiseOfAlphaBar(alphas[t])) < minimum)) break;
		count++;
	}
	return Math.min(count, alphas.length - 2);
}

/**
 * The schedule of the exponential-integrator solvers (DPM-Solver, DPM-Solver++, UniPC, DEIS) as diffusers sets it.
 * Timesteps of Karras sigmas are rounded (cut, for the cosine schedule, by the multistep solvers), those of exponential
 * sigmas cut; the sigmas are used as they are.
 */
export function solverSchedule({
	name,
	steps,
	config,
	grid,
}: SamplerContext): Schedule {
	const alphas = alphasCumprod(config, ZERO_SNR_ALPHA);
	const trained = trainedSigmas(alphas);
	const { max, min } = sigmaRange(
		config,
		trained[trained.length - 1],
		trained[0],
	);
	const multistep =
		name.startsWith("dpm-solver") && !name.endsWith("singlestep");
	let timesteps: readonly number[];
	let sigmas: readonly number[];
	let spread = true;
	if (grid) {
		({ timesteps, sigmas } = grid);
		spread = false;
	} else if (config.use_ays_sigmas) {
		timesteps = aysTimesteps(steps, trained);
		sigmas = timesteps.map((t) => trained[t]);
		spread = false;
	} else if (config.use_karras_sigmas) {
		sigmas = karrasSigmas(steps, max, min);
		const round =
			multistep && config.beta_schedule === "squaredcos_cap_v2"
				? Math.trunc
				: roundHalfEven;
		timesteps = sigmas.map((sigma) => round(timestepOfSigma(sigma, trained)));
	} else if (config.use_exponential_sigmas) {
		sigmas = exponentialSigmas(steps, max, min);
		timesteps = sigmas.map((sigma) =>
			Math.trunc(timestepOfSigma(sigma, trained)),
		);
	} else {
		const clipped = clippedTimesteps(alphas, config.lambda_min_clipped);
		timesteps = solverTimesteps(
			steps,
			config,
			config.num_train_timesteps - clipped,
		);
		sigmas = timesteps.map((t) => sigmaOfTimestep(t, trained));
		spread = false;
	}
	let last = trained[0];
	if (spread && (name === "unipc" || name === "deis"))
		last = sigmas[sigmas.length - 1];
	if (config.final_sigmas_type === "zero") last = 0;
	return { timesteps, sigmas: [...sigmas, last].map(Math.fround) };
}
