import type { LatentSpace } from "./latentSpace.js";
import type {
	Sampler,
	SamplerContext,
	SamplerInput,
	SamplerOutput,
	SamplerState,
	Schedule,
} from "./sampler.js";

/** What is a solver's own: all else of a sampler follows from its schedule and its space. */
export interface Solver<State extends SamplerState> {
	readonly stochastic: boolean;
	/** 1 unless told otherwise. */
	readonly evaluationsPerStep?: 1 | 2;
	/** The state that a run begins with, at whatever evaluation. */
	readonly start: State;
	/** Takes one evaluation's step, see `Sampler`. */
	step(state: State, input: SamplerInput): SamplerOutput<State>;
}

/** The sampler that takes its steps by `solver` over a schedule, with latents in the given space. */
export function defineSampler<State extends SamplerState>(
	{ name, config }: SamplerContext,
	{ timesteps, sigmas }: Schedule,
	space: LatentSpace,
	{ stochastic, evaluationsPerStep = 1, start, step }: Solver<State>,
): Sampler {
	return {
		name,
		predictionType: config.prediction_type,
		timesteps,
		sigmas: sigmas.slice(0, timesteps.length),
		stochastic,
		evaluationsPerStep,
		...space,
		start: () => start,
		// a sampler is only ever given states that it made
		step: (state, input) => step(state as State, input),
	};
}
