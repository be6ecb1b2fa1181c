import { readFile } from "node:fs/promises";
import { planWords } from "../../src/accelerators/planWords.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { runGrids } from "../../src/tuning/runs/runGrids.js";
import {
	readKeptPlan,
	tuningStateSchema,
} from "../../src/tuning/runs/tuningState.js";
import { reusesOf, simplePlans } from "../../src/tuning/search/simplePlans.js";
import { AXIS } from "../../src/tuning/search/students.js";
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
const REUSED_ON = ["even", "own", "exponential", "karras"];

/** Simple grids of so many calls, and plans on them that reuse predictions, where the sampler gains by that. */
export function simpleCandidates(
	pipeline: Pipeline,
	{ sampler, steps }: StudyRun,
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
			const words = wordsOf(plan);
			if (known.has(words)) return [];
			known.add(words);
			const suffix = ["", " + denoised", " + prediction"][n];
			return [{ series: `${name}${suffix}`, isSimple: n === 0, calls, words }];
		}),
	);
}

/** What `fdiff tune` found, where its state is there. */
export async function searchedPlan(
	state: string,
	calls: number,
): Promise<Candidate[]> {
	const text = await readFile(state, "utf8").catch(() => undefined);
	if (text === undefined) return [];
	const { improved } = tuningStateSchema.parse(JSON.parse(text));
	const found = improved[calls];
	if (!found) return [];
	const words = wordsOf(readKeptPlan(found));
	return [{ series: "searched", isSimple: false, calls, words }];
}

const wordsOf = (plan: TimedPlan) =>
	planWords(
		planOfSteps(stepsOf(plan), { order: 0, over: AXIS }, "of the study"),
	);
