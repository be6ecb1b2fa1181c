import { defineSampler } from "../defineSampler.js";
import { sigmaSpace } from "../latentSpace.js";
import {
	NO_HISTORY,
	type Sampler,
	type SamplerContext,
	type SamplerInput,
	type SamplerOutput,
	type SamplerState,
} from "../sampler.js";
import { karrasSchedule } from "../schedules/karrasSchedule.js";

/** A step of one evaluation, with sigma before and after it, and all of them. */
type SigmaStep = (
	state: SamplerState,
	input: SamplerInput,
	levels: {
		readonly from: number;
		readonly to: number;
		readonly sigmas: readonly number[];
	},
) => SamplerOutput<SamplerState>;

/** A sampler of one evaluation a step over the sigmas of Karras et al. (2022), with latents x_0 + sigma · noise. */
export function sigmaSampler(
	context: SamplerContext,
	stochastic: boolean,
	step: SigmaStep,
): Sampler {
	const schedule = karrasSchedule(context);
	const { sigmas } = schedule;
	return defineSampler(
		context,
		schedule,
		sigmaSpace(sigmas, schedule.initNoiseSigma),
		{
			stochastic,
			start: NO_HISTORY,
			step(state, input) {
				const [from, to] = [sigmas[input.index], sigmas[input.index + 1]];
				return step(state, input, { from, to, sigmas });
			},
		},
	);
}
