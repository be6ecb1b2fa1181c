import { signal } from "@preact/signals";
import type { PictureOptions } from "../pictureSource.js";
import type { StateWord, StepCosts } from "../timeline/stepCosts.js";
import type { ShownPicture } from "./shownPicture.js";

/** As many of the last times of a state count. */
const LAST = 60;
/** A state with fewer times is not known yet. */
const FEWEST = 3;

/** What steps took on this machine, by what ran at them: better than operations for saying what a plan will take. */
export function stepTimes() {
	const samples = new Map<string, number[]>();
	const version = signal(0);
	return {
		/** Learns from a run. */
		learn({ options, model, stepStates, stepSeconds }: ShownPicture) {
			for (const [index, state] of stepStates.entries()) {
				const key = `${runKey(options, model.label)} ${state}`;
				const times = samples.get(key) ?? [];
				samples.set(key, [...times, stepSeconds[index]].slice(-LAST));
			}
			version.value++;
		},
		/** The median seconds of every state of a plan, and of full steps; undefined where one of them is not known yet. */
		costs(
			options: PictureOptions,
			model: string,
			states: readonly StateWord[],
		): StepCosts | undefined {
			version.value;
			const found: Record<StateWord, number> = {};
			for (const state of new Set(["full", ...states])) {
				const times = samples.get(`${runKey(options, model)} ${state}`) ?? [];
				if (times.length < FEWEST) return undefined;
				found[state] = times.toSorted((a, b) => a - b)[times.length >> 1];
			}
			return found;
		},
	};
}

/** Runs whose steps take as long. */
const runKey = (
	{ width, height, guidanceScale }: PictureOptions,
	model: string,
) => `${model} ${width} ${height} ${Number(guidanceScale) > 1}`;
