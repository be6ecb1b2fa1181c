import { defineSampler } from "../defineSampler.js";
import { variancePreservingSpace } from "../latentSpace.js";
import {
	boundedOriginal,
	predictedNoise,
	predictedOriginal,
	signalNoiseOfRatio,
} from "../prediction.js";
import { NO_HISTORY, type Sampler, type SamplerContext } from "../sampler.js";
import { solverSchedule } from "../schedules/solverSchedule.js";
import { type Term, weightedSum } from "../weightedSum.js";

/** ∫ (log x - log c) / (log b - log c) dx, at x. */
function linearIntegral(x: number, b: number, c: number): number {
	return (x * (Math.log(x) - Math.log(c) - 1)) / (Math.log(b) - Math.log(c));
}

/** ∫ (log x - log c)(log x - log d) / ((log b - log c)(log b - log d)) dx, at x. */
function quadraticIntegral(x: number, b: number, c: number, d: number): number {
	const [lx, lb, lc, ld] = [x, b, c, d].map(Math.log);
	const numerator = lx ** 2 - (lc + ld + 2) * lx + lc * ld + lc + ld + 2;
	return (x * numerator) / ((lb - lc) * (lb - ld));
}

/** Weights of predicted noise at the rhos `at` (newest first) for a step to rho `to`: Lagrange polynomials in log rho. */
function deisWeights(to: number, at: readonly number[]): number[] {
	const [a, b, c] = at;
	if (at.length === 1) return [to - a];
	if (at.length === 2)
		return [
			linearIntegral(to, a, b) - linearIntegral(a, a, b),
			linearIntegral(to, b, a) - linearIntegral(a, b, a),
		];
	return [
		quadraticIntegral(to, a, b, c) - quadraticIntegral(a, a, b, c),
		quadraticIntegral(to, b, c, a) - quadraticIntegral(a, b, c, a),
		quadraticIntegral(to, c, a, b) - quadraticIntegral(a, c, a, b),
	];
}

/**
 * DEIS: "Fast Sampling of Diffusion Models with Exponential Integrator" (Zhang & Chen 2022), the log-rho multistep form
 * of order 1 to 3, as diffusers' DEISMultistepScheduler. One evaluation a step. It never ends on sigma 0.
 */
export function deis(context: SamplerContext): Sampler {
	const { config } = context;
	const schedule = solverSchedule(context);
	const { timesteps, sigmas } = schedule;
	const few = config.lower_order_final && timesteps.length < 15;
	function orderAt(index: number, known: number): number {
		const left = timesteps.length - index;
		const order = Math.min(
			known,
			config.solver_order,
			few && left <= 2 ? left : 3,
		);
		// Where timesteps repeat there is no line through the points.
		for (let i = 1; i < order; i++)
			if (sigmas[index - i] === sigmas[index - i + 1]) return i;
		return order;
	}
	return defineSampler(context, schedule, variancePreservingSpace(sigmas), {
		stochastic: false,
		start: NO_HISTORY,
		step(state, { index, prediction, latents, images }) {
			const level = signalNoiseOfRatio(sigmas[index]);
			const denoised = boundedOriginal(
				predictedOriginal(config.prediction_type, prediction, latents, level),
				config,
				images,
			);
			const output = predictedNoise("sample", denoised, latents, level);
			const history = [...state.history, output].slice(-config.solver_order);
			const order = orderAt(index, history.length);
			const at = Array.from({ length: order }, (_, i) => sigmas[index - i]);
			const { alpha } = signalNoiseOfRatio(sigmas[index + 1]);
			const values = history.toReversed();
			// In x / α, the step is the integral of the noise over rho = σ/α.
			const next = weightedSum(
				[alpha / level.alpha, latents],
				...deisWeights(sigmas[index + 1], at).map(
					(weight, k): Term => [alpha * weight, values[k]],
				),
			);
			return { state: { history }, latents: next, denoised };
		},
	});
}
