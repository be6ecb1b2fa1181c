import { extrapolationAxis } from "../../propagation/extrapolate.js";
import {
	type KeyStepPlan,
	planFromStates,
} from "../../propagation/keyStepPlan.js";
import { FULL, type StepState } from "../../propagation/stepState.js";
import type { Sampler } from "../../samplers/sampler.js";

const BETWEEN: readonly StepState[] = [
	{ run: "nothing", order: 1 },
	{ run: "nothing", order: 0, of: "denoised" },
	{ run: "nothing", order: 1, of: "denoised" },
];

/**
 * Plans of `count` full steps that are spread evenly: over the steps (the last one full or not, the second one full or not) and over the
 * log signal-to-noise ratio. Between them the predictions or the estimates of the clean latents are on a line through the last two, or the last
 * estimate is kept, with which a solver of x_0 takes about the longer step that it would take with fewer. So these plans come closest to the same
 * sampler with fewer steps, and a search from there can only get better than that.
 */
export function evenPlans(sampler: Sampler, count: number): KeyStepPlan[] {
	const evaluations = sampler.timesteps.length;
	if (count < 2 || count >= evaluations) return [];
	const last = evaluations - 1;
	const axis = extrapolationAxis(sampler, "log-snr");
	const nearest = (at: number) =>
		axis.reduce(
			(best, own, i) =>
				Math.abs(own - at) < Math.abs(axis[best] - at) ? i : best,
			0,
		);
	const indices = Array.from({ length: count }, (_, i) => i);
	const spreads = [
		indices.map((i) => Math.floor((i * evaluations) / count)),
		indices.map((i) => Math.round((i * last) / (count - 1))),
		indices.map((i) =>
			i === 0 ? 0 : 1 + Math.floor(((i - 1) * last) / (count - 1)),
		),
		indices.map((i) =>
			nearest(axis[0] + (i * (axis[last] - axis[0])) / (count - 1)),
		),
	];
	return spreads.flatMap((keys) => {
		const chosen = new Set([0, ...keys]);
		return BETWEEN.map((between) =>
			planFromStates(
				Array.from({ length: evaluations }, (_, i) =>
					chosen.has(i) ? FULL : between,
				),
				evaluations,
				"tuned",
				{ order: 1, over: "log-snr" },
			),
		);
	});
}
