import type { Sampler } from "../sampler.js";
import type { SamplerContext } from "../samplerContext.js";
import { karrasSchedule } from "../schedules/karrasSchedule.js";
import { derivativeAt, sigmaSpace } from "../sigmaSpace.js";
import { weightedSum } from "../weightedSum.js";

const MAX_ORDER = 4;

/** ∫ of the Lagrange basis polynomial of `points[which]` from `from` to `to`: two-point Gauss, exact up to cubics. */
function lagrangeIntegral(
	points: readonly number[],
	which: number,
	from: number,
	to: number,
): number {
	const basis = (x: number) =>
		points.reduce(
			(product, point, k) =>
				k === which
					? product
					: (product * (x - point)) / (points[which] - point),
			1,
		);
	const middle = (from + to) / 2;
	const half = (to - from) / 2;
	const node = half / Math.sqrt(3);
	return half * (basis(middle - node) + basis(middle + node));
}

/**
 * Linear multistep (Adams-Bashforth with uneven steps in sigma) of order up to 4, as k-diffusion's sample_lms and
 * diffusers' LMSDiscreteScheduler. One evaluation a step.
 */
export function lms(context: SamplerContext): Sampler {
	const { name, steps, config } = context;
	const { timesteps, sigmas, initNoiseSigma } = karrasSchedule(context);
	return {
		name,
		predictionType: config.prediction_type,
		timesteps,
		sigmas: sigmas.slice(0, steps),
		initNoiseSigma,
		stochastic: false,
		...sigmaSpace(sigmas),
		start: () => ({ history: [] }),
		step(state, input) {
			const { index } = input;
			const { denoised, derivative } = derivativeAt(
				config,
				input,
				sigmas[index],
			);
			const history = [...state.history, derivative].slice(-MAX_ORDER);
			const order = history.length;
			const points = history.map((_, k) => sigmas[index - k]);
			const terms = history
				.toReversed()
				.map(
					(values, k) =>
						[
							lagrangeIntegral(points, k, sigmas[index], sigmas[index + 1]),
							values,
						] as const,
				);
			const latents = weightedSum([1, input.latents], ...terms);
			return { state: { history, order }, latents, denoised };
		},
	};
}
