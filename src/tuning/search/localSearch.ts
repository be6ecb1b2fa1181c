import type { MersenneTwister } from "../../random/mersenneTwister.js";
import {
	type JudgedPlan,
	judgePlan,
	type PlanRunnerOptions,
} from "./planRunner.js";
import {
	type Gap,
	NO_GAP,
	type Reuse,
	rounded,
	type TimedPlan,
} from "./timedPlan.js";

export interface LocalSearchOptions extends PlanRunnerOptions {
	/** How many prompts decide; those behind them only say no to what does not hold on them. */
	readonly deciding: number;
	readonly reuses: readonly Reuse[];
	/** The most steps in a gap. */
	readonly reach: number;
	readonly trials: number;
	readonly generator: MersenneTwister;
	/** Whether there is time left. */
	readonly goesOn: () => boolean;
	readonly onTrial?: (done: number) => void;
	/** Least and greatest timestep. */
	readonly range: readonly [number, number];
}

/**
 * Moves one thing of the plan after another (a call's time, all later times, what lies in a gap) and keeps what brings the true
 * errors down: in the mean of their logarithms on the deciding prompts, and not up on the others, which are a held-out
 * check inside the search.
 */
export async function improvePlan(
	start: JudgedPlan,
	options: LocalSearchOptions,
): Promise<JudgedPlan> {
	let best = start;
	for (let trial = 0; trial < options.trials && options.goesOn(); trial++) {
		options.onTrial?.(trial);
		const plan = moved(best.plan, options);
		if (!plan) continue;
		const judged = await judgePlan(plan, options, best);
		if (judged && isBetter(judged, best, options.deciding)) best = judged;
	}
	return best;
}

/** Whether a plan is better on the deciding prompts and no worse on the rest. */
export function isBetter(
	{ logs }: JudgedPlan,
	{ logs: others }: JudgedPlan,
	deciding: number,
): boolean {
	const sum = (from: number, to?: number) =>
		logs
			.slice(from, to)
			.reduce((total, log, n) => total + log - others[from + n], 0);
	return sum(0, deciding) < 0 && sum(deciding) <= 0;
}

function moved(
	{ calls, gaps, end }: TimedPlan,
	{ generator, reuses, reach, range: [least, greatest] }: LocalSearchOptions,
): TimedPlan | undefined {
	const uniform = () => generator.next() / 2 ** 32;
	const below = (count: number) => Math.floor(uniform() * count);
	// about a bell, from -1.5 to 1.5
	const bell = () => uniform() + uniform() + uniform() - 1.5;
	const at = below(calls.length);
	const lower = calls[at + 1] ?? least;
	const upper = calls[at - 1] ?? greatest;
	const kind = uniform();
	let times = [...calls];
	const next: Gap[] = [...gaps];
	if (kind < 0.55) {
		const by = 0.5 * bell();
		times[at] += by * (by > 0 ? upper - times[at] : times[at] - lower);
	} else if (kind < 0.75 && calls.length > 2) {
		// all times from here on, closer to the one before or to the end
		const from = times[at];
		const span = from - end;
		const power = Math.exp(0.3 * bell());
		times = times.map((time, n) =>
			n > at && span > 0
				? end + span * Math.max(0, (time - end) / span) ** power
				: time,
		);
	} else if (reuses.length > 0) {
		const gap = next[at];
		const choice = uniform();
		if (gap.count > 0 && choice < 0.3) next[at] = NO_GAP;
		else if (gap.count > 0 && choice < 0.65)
			next[at] = {
				...gap,
				count: Math.min(
					reach,
					Math.max(1, gap.count + (uniform() < 0.5 ? -1 : 1)),
				),
			};
		else
			next[at] = {
				reuse: reuses[below(reuses.length)],
				count: gap.count || 1 + below(Math.min(4, reach)),
			};
	} else return undefined;
	times = times.map(rounded);
	const inOrder = times.every(
		(time, n) =>
			time >= least &&
			time <= greatest &&
			(n === 0 || time < times[n - 1] - 0.5),
	);
	// the steps behind the last call lead down to the end
	const lastGap = next[next.length - 1];
	const fits = lastGap.count === 0 || times[times.length - 1] > end + 0.5;
	return inOrder && fits ? { calls: times, gaps: next, end } : undefined;
}
