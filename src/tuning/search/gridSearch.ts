import type { UnetRunner } from "../../propagation/unetRunner.js";
import type { Sampler } from "../../samplers/sampler.js";
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
import { type SamplerOn, type Teacher, withMore } from "./teacher.js";
import { type Gap, NO_GAP, type Reuse, type TimedPlan } from "./timedPlan.js";

export interface GridSearchOptions {
	readonly unet: UnetRunner;
	readonly samplerOn: SamplerOn;
	readonly batches: readonly PromptBatch[];
	/** Of each batch. */
	readonly teachers: readonly Teacher[];
	/** Candidates for the times of calls, descending. */
	readonly grid: readonly number[];
	/** Numbers of network calls that plans are wanted for. */
	readonly budgets: readonly number[];
	/** What may be done between calls, besides one long step. */
	readonly reuses: readonly Reuse[];
	/** The most steps between two calls that reuse predictions. */
	readonly reach: number;
	/** Plans that are given out for each budget, the best first. */
	readonly most: number;
	readonly onNode?: (done: number, calls: number) => void;
	readonly signal?: AbortSignal;
}

/** The best way found to come to a point of the grid with so many calls, and the batches there. */
interface Node {
	readonly calls: readonly number[];
	readonly gaps: readonly Gap[];
	/** Where the steps so far begin, reused ones as well. */
	readonly times: readonly number[];
	readonly students: readonly Student[];
	/** Mean logarithm of the distance to the teacher here. */
	readonly value: number;
}

export interface FoundPlan {
	readonly plan: TimedPlan;
	/** Mean logarithm of the relative errors of the final latents. */
	readonly value: number;
}

/** How far a way to a point may run ahead of or behind even steps, as a share of the run. */
const PACE = 0.2;

/**
 * Dynamic programming over the times of network calls and what lies between them (after Optimal Stepsize, arXiv 2503.21774): for
 * each point of the grid and number of calls the way there is kept that comes nearest to the teacher's latents, with the
 * *student's own* latents and solver history, so that later steps build on what it would really have. The network runs
 * once for each point and number of calls; all ways from there are arithmetic.
 */
export async function searchGrid(
	options: GridSearchOptions,
): Promise<Map<number, FoundPlan[]>> {
	const { samplerOn, batches, teachers, grid, budgets, reuses } = options;
	const { unet, signal } = options;
	const end = grid[grid.length - 1];
	const most = Math.max(...budgets);
	const found = new Map<number, FoundPlan[]>(
		budgets.map((budget) => [budget, []]),
	);
	const isUseful = (calls: number, at: number) =>
		budgets.some(
			(budget) =>
				calls < budget &&
				grid.length - at >= budget - calls &&
				Math.abs(at / grid.length - calls / budget) <= PACE,
		);
	const valueAt = (
		students: readonly Student[],
		truth: (teacher: Teacher) => Float32Array,
	) =>
		mean(
			students.flatMap(({ latents }, b) =>
				logsOf(errorsOf(latents, truth(teachers[b]), batches[b])),
			),
		);

	const start = samplerOn(withMore(grid[0]));
	let level = new Map<number, Node>([
		[
			0,
			{
				calls: [],
				gaps: [],
				times: [],
				students: batches.map((batch) => newStudent(batch, start)),
				value: 0,
			},
		],
	]);
	let done = 0;
	for (let calls = 1; calls <= most; calls++) {
		const next = new Map<number, Node>();
		for (const [at, node] of level) {
			options.onNode?.(done++, calls);
			const own = { ...node, calls: [...node.calls, grid[at]] };
			const times = [...node.times, grid[at]];
			const index = times.length - 1;
			const here = samplerOn([...node.times, ...withMore(grid[at])]);
			const predictions: Float32Array[] = [];
			for (const [b, batch] of batches.entries())
				predictions.push(
					await predicted(node.students[b], batch, here, index, unet, signal),
				);
			const firstStep = (sampler: Sampler) =>
				node.students.map((student, b) =>
					stepped(student, sampler, index, predictions[b], true, count(b)),
				);
			const count = (b: number) => batches[b].initialNoise.dims[0];
			const reusedStep = (
				students: readonly Student[],
				sampler: Sampler,
				n: number,
				reuse: Reuse,
			) =>
				students.map((student, b) =>
					stepped(
						student,
						sampler,
						n,
						reused(student, sampler, n, reuse),
						false,
						count(b),
					),
				);
			const arrive = (
				to: number,
				students: readonly Student[],
				gap: Gap,
				between: readonly number[],
			) => {
				if (!isUseful(calls, to)) return;
				const value = valueAt(students, (teacher) =>
					teacher.latentsAt(grid[to]),
				);
				const known = next.get(to);
				if (known && known.value <= value) return;
				next.set(to, {
					calls: own.calls,
					gaps: [...node.gaps, gap],
					times: [...times, ...between],
					students,
					value,
				});
			};
			const finish = (students: readonly Student[], gap: Gap) => {
				const value = valueAt(students, ({ final }) => final);
				const plan = { calls: own.calls, gaps: [...node.gaps, gap], end };
				const best = found.get(calls) ?? [];
				best.push({ plan, value });
				best.sort((a, b) => a.value - b.value);
				best.splice(options.most);
			};

			if (found.has(calls)) finish(firstStep(samplerOn(times)), NO_GAP);
			for (let to = at + 1; to < grid.length; to++)
				if (isUseful(calls, to))
					arrive(
						to,
						firstStep(samplerOn([...times, ...withMore(grid[to])])),
						NO_GAP,
						[],
					);
			const last = Math.min(grid.length - 1, at + options.reach + 1);
			const between = grid.slice(at + 1, last);
			for (const reuse of last > at + 1 ? reuses : []) {
				const chain = samplerOn([
					...times,
					...between,
					...withMore(grid[last]),
				]);
				let students = firstStep(chain);
				for (let to = at + 2; to <= last; to++) {
					students = reusedStep(students, chain, index + to - at - 1, reuse);
					arrive(
						to,
						students,
						{ reuse, count: to - at - 1 },
						grid.slice(at + 1, to),
					);
				}
			}
			const rest = grid.slice(at + 1);
			if (found.has(calls) && rest.length > 0 && rest.length <= options.reach)
				for (const reuse of reuses) {
					const chain = samplerOn([...times, ...rest]);
					let students = firstStep(chain);
					for (const n of rest.keys())
						students = reusedStep(students, chain, index + 1 + n, reuse);
					finish(students, { reuse, count: rest.length });
				}
		}
		level = new Map([...next].sort(([a], [b]) => a - b));
	}
	return found;
}

const mean = (values: readonly number[]) =>
	values.reduce((sum, value) => sum + value, 0) / values.length;
