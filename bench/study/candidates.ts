import { readFile } from "node:fs/promises";
import { planWords } from "../../src/accelerators/planWords.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import type { ExtrapolationAxis } from "../../src/propagation/extrapolate.js";
import { runGrids } from "../../src/tuning/runs/runGrids.js";
import {
	readKeptPlan,
	type TuningState,
	tuningStateSchema,
} from "../../src/tuning/runs/tuningState.js";
import { reusesOf, simplePlans } from "../../src/tuning/search/simplePlans.js";
import { AXIS, logsOf } from "../../src/tuning/search/students.js";
import {
	planOfSteps,
	stepsOf,
	type TimedPlan,
} from "../../src/tuning/search/timedPlan.js";
import type { StudyRun } from "./studyRuns.js";

/** A plan that may take the place of a plain run. */
export interface Candidate {
	readonly series: string;
	/** Whether it is plain sampling with fewer steps. */
	readonly isSimple: boolean;
	readonly calls: number;
	/** The words of `keySteps`. */
	readonly words: string;
}

/** Grids whose calls are tried with steps that reuse predictions between them. */
const REUSED_ON = ["even", "karras"];

/** What predictions are extrapolated over: the search's axis, and the other one. */
const AXES: readonly ExtrapolationAxis[] = [AXIS, "timestep"];

/** Simple grids of so many calls, and plans on them that reuse predictions, where the sampler gains by that. */
export function simpleCandidates(
	pipeline: Pipeline,
	{ sampler, steps }: Pick<StudyRun, "sampler" | "steps">,
	calls: number,
): Candidate[] {
	const grids = runGrids(pipeline, { sampler, steps });
	const plain = grids.plain.sampler;
	const reuses = reusesOf(plain);
	const known = new Set<string>();
	return grids.simpleGrids(calls).flatMap(({ name, times }) =>
		simplePlans(
			times,
			plain.timesteps,
			REUSED_ON.includes(name) ? reuses : [],
		).flatMap((plan, n) => {
			const suffix = ["", " + denoised", " + prediction"][n];
			return (n === 0 ? [AXIS] : AXES).flatMap((axis) => {
				const words = wordsOf(plan, axis);
				if (known.has(words)) return [];
				known.add(words);
				const over = axis === AXIS ? "" : " over time";
				const series = `${name}${suffix}${over}`;
				return [{ series, isSimple: n === 0, calls, words }];
			});
		}),
	);
}

/** What `fdiff tune` has left: its state, where there is one. */
export async function tuningStateAt(
	path: string,
): Promise<TuningState | undefined> {
	const text = await readFile(path, "utf8").catch(() => undefined);
	return text === undefined
		? undefined
		: tuningStateSchema.parse(JSON.parse(text));
}

/** The plan that a search found for so many calls. */
export function searchedPlan(
	{ improved }: TuningState,
	calls: number,
): Candidate[] {
	const found = improved[calls];
	if (!found) return [];
	const words = wordsOf(readKeptPlan(found));
	return [{ series: "searched", isSimple: false, calls, words }];
}

/** How far behind the best, in logarithms, a candidate may lie where a search has compared it already. */
const BEHIND = 0.05;

/** Without simple grids that a search has found to be worse than others, on as many captions as it judged by. */
export function withoutBeaten(
	candidates: readonly Candidate[],
	{ scores }: TuningState,
): Candidate[] {
	const logs = new Map<string, number[]>();
	for (const [key, { error }] of Object.entries(scores)) {
		const words = key.slice(key.indexOf("|") + 1);
		logs.set(words, [...(logs.get(words) ?? []), ...logsOf([error])]);
	}
	const known = ({ words }: Candidate) => {
		const own = logs.get(words) ?? [];
		return own.length < LEAST_KNOWN
			? undefined
			: own.reduce((sum, log) => sum + log, 0) / own.length;
	};
	const best = Math.min(
		...candidates
			.filter(({ isSimple }) => isSimple)
			.map((candidate) => known(candidate) ?? Number.POSITIVE_INFINITY),
	);
	return candidates.filter(
		(candidate) =>
			!candidate.isSimple ||
			(known(candidate) ?? Number.NEGATIVE_INFINITY) <= best + BEHIND,
	);
}

/** Captions that a comparison must stand on. */
const LEAST_KNOWN = 24;

const wordsOf = (plan: TimedPlan, over = AXIS) =>
	planWords(planOfSteps(stepsOf(plan), { order: 0, over }, "of the study"));
