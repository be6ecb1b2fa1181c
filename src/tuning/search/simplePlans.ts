import { nearestSteps } from "../../propagation/nearestSteps.js";
import type { Sampler } from "../../samplers/sampler.js";
import {
	callsAlone,
	type Gap,
	NO_GAP,
	type Reuse,
	type TimedPlan,
} from "./timedPlan.js";

/**
 * What may be done between two calls besides one long step, with solvers that remember nothing. Those of higher order extrapolate
 * themselves: there it never paid, and short steps of theirs spoil what they remember.
 */
const REUSES: readonly Reuse[] = [
	{ run: "nothing", order: 1, of: "denoised" },
	{ run: "nothing", order: 1 },
];

/** The most steps without a network between two calls. */
export const LONGEST_GAP = 12;

/** What plans of this sampler may do between two calls. */
export const reusesOf = (sampler: Sampler): readonly Reuse[] =>
	remembers(sampler) ? [] : REUSES;

/**
 * Plans with calls at these times: one long step from each to the next; and the plain run itself, called at those of its own
 * steps that are nearest to them and reusing predictions at the others, so that it goes on the plain run's grid.
 * @param plain timesteps of the plain run
 */
export function simplePlans(
	calls: readonly number[],
	plain: readonly number[],
	reuses: readonly Reuse[],
): TimedPlan[] {
	const end = plain[plain.length - 1];
	const alone = callsAlone(calls, end);
	if (calls.length >= plain.length) return [alone];
	const own = nearestSteps(calls, plain);
	return [
		alone,
		...reuses.map((reuse) => ({
			calls: own.map((step) => plain[step]),
			gaps: own.map((step, n): Gap => {
				const count = (own[n + 1] ?? plain.length) - step - 1;
				return count > 0
					? { reuse, count: Math.min(count, LONGEST_GAP) }
					: NO_GAP;
			}),
			end,
		})),
	];
}

/** Whether a solver's steps build on earlier predictions. */
function remembers(sampler: Sampler): boolean {
	const one = new Float32Array(1);
	const input = { index: 0, prediction: one, latents: one, noise: () => one };
	return sampler.step(sampler.start(), input).state.history.length > 0;
}
