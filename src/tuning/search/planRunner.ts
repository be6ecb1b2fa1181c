import { stepStateWord } from "../../propagation/stepState.js";
import type { UnetRunner } from "../../propagation/unetRunner.js";
import {
	errorsOf,
	logsOf,
	newStudent,
	type PromptBatch,
	predicted,
	reused,
	type Student,
	stepped,
} from "./students.js";
import type { SamplerOn, Teacher } from "./teacher.js";
import {
	type Reuse,
	type StepList,
	stepsOf,
	type TimedPlan,
} from "./timedPlan.js";

/** A batch before each network call of a run, and what the network said there. */
interface Snapshot {
	readonly at: number;
	readonly student: Student;
	readonly prediction: Float32Array;
}

/** A plan with its true errors. */
export interface JudgedPlan {
	readonly plan: TimedPlan;
	/** Logarithms of the relative errors of the final latents, prompt by prompt. */
	readonly logs: readonly number[];
	/** Of each batch: where another plan that begins alike may go on from. */
	readonly snapshots: readonly (readonly Snapshot[])[];
}

export interface PlanRunnerOptions {
	readonly unet: UnetRunner;
	readonly samplerOn: SamplerOn;
	readonly batches: readonly PromptBatch[];
	readonly teachers: readonly Teacher[];
	readonly signal?: AbortSignal;
}

/**
 * Runs a plan on all batches and holds it against the teacher. What it has in common with `known` at its beginning is not run
 * again. After each batch it is given up when it stands worse than `known` by so many standard errors.
 * @returns undefined when it was given up
 */
export async function judgePlan(
	plan: TimedPlan,
	options: PlanRunnerOptions,
	known?: JudgedPlan,
	patience = 0.5,
): Promise<JudgedPlan | undefined> {
	const { unet, samplerOn, batches, teachers, signal } = options;
	const { times, states } = stepsOf(plan);
	const sampler = samplerOn(times);
	const common = known
		? commonSteps({ times, states }, stepsOf(known.plan))
		: 0;
	const logs: number[] = [];
	const all: Snapshot[][] = [];
	for (const [b, batch] of batches.entries()) {
		const [images] = batch.initialNoise.dims;
		// the call before the first step that differs was the same: its prediction is known, not where it leads
		const kept = (known?.snapshots[b] ?? []).filter(({ at }) => at < common);
		const snapshots = [...kept];
		const last = kept.at(-1);
		let student = last
			? stepped(last.student, sampler, last.at, last.prediction, true, images)
			: newStudent(batch, sampler);
		for (let index = last ? last.at + 1 : 0; index < times.length; index++) {
			const state = states[index];
			let prediction: Float32Array;
			if (state.run === "full") {
				prediction = await predicted(
					student,
					batch,
					sampler,
					index,
					unet,
					signal,
				);
				snapshots.push({ at: index, student, prediction });
			} else prediction = reused(student, sampler, index, state as Reuse);
			student = stepped(
				student,
				sampler,
				index,
				prediction,
				state.run === "full",
				images,
			);
		}
		all.push(snapshots);
		logs.push(...logsOf(errorsOf(student.latents, teachers[b].final, batch)));
		if (known && isWorse(logs, known.logs, patience)) return undefined;
	}
	return { plan, logs, snapshots: all };
}

/** How many steps two runs have in common at their beginning. */
function commonSteps(a: StepList, b: StepList): number {
	let n = 0;
	while (
		n < a.times.length &&
		a.times[n] === b.times[n] &&
		stepStateWord(a.states[n]) === stepStateWord(b.states[n])
	)
		n++;
	return n;
}

/** Whether the first logarithms stand above the others by more than so many standard errors. */
function isWorse(
	logs: readonly number[],
	others: readonly number[],
	patience: number,
): boolean {
	const differences = logs.map((log, n) => log - others[n]);
	const count = differences.length;
	const mean = differences.reduce((sum, own) => sum + own, 0) / count;
	const variance =
		differences.reduce((sum, own) => sum + (own - mean) ** 2, 0) / count;
	return mean > patience * Math.sqrt(variance / count);
}
