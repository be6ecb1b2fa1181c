import { OptionError } from "../errors/optionError.js";
import type { GenerateOptions } from "../pipeline/options.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Progress } from "../pipeline/progress.js";
import type { RunSettings } from "../pipeline/runSettings.js";
import { plainPlan } from "../propagation/keyStepPlan.js";
import { mersenneTwister } from "../random/mersenneTwister.js";
import type { FrontPoint } from "./front/frontPoint.js";
import { type Contender, heldOutFront } from "./front/heldOut.js";
import {
	type CalibrationPrompt,
	calibrationPrompts,
} from "./runs/calibrationPrompt.js";
import { type RunGrids, runGrids } from "./runs/runGrids.js";
import {
	keptPlan,
	readKeptPlan,
	type TuningState,
} from "./runs/tuningState.js";
import { searchGrid } from "./search/gridSearch.js";
import { improvePlan } from "./search/localSearch.js";
import {
	type JudgedPlan,
	judgePlan,
	type PlanRunnerOptions,
} from "./search/planRunner.js";
import { LONGEST_GAP, reusesOf, simplePlans } from "./search/simplePlans.js";
import { AXIS, promptBatches } from "./search/students.js";
import { teach } from "./search/teacher.js";
import {
	candidateTimes,
	planOfSteps,
	stepsOf,
	type TimedPlan,
} from "./search/timedPlan.js";

/** What plans are to come near to: the plain run, or one of 100 steps, which the plain run itself only comes near to. */
export type TuningTarget = "plain" | "long";

export const TUNING_TARGETS: readonly TuningTarget[] = ["plain", "long"];

export interface TuneOptions {
	readonly pipeline: Pipeline;
	/** Opens what draws the held-out prompts, where that is to compute more exactly than the search. Default: `pipeline` draws them. */
	readonly openJudge?: () => Promise<Pipeline>;
	/** The run that plans are to take the place of. */
	readonly options: Omit<GenerateOptions, "prompt">;
	readonly calibration: readonly string[];
	readonly heldOut: readonly string[];
	/** Numbers of network calls that plans are wanted for. */
	readonly calls: readonly number[];
	/** Plans that are held beside those that are found, in the words of `keySteps`. */
	readonly beside: readonly string[];
	readonly target: TuningTarget;
	/** Candidates for the times of calls. */
	readonly candidates: number;
	/** Moves tried by local search for each number of calls. */
	readonly trials: number;
	/** When local search stops, whatever it has tried. */
	readonly minutes: number;
	readonly state: TuningState;
	readonly save: (state: TuningState) => Promise<void>;
	readonly onProgress?: (progress: Progress) => void;
	readonly signal?: AbortSignal;
}

/** Prompts in a batch: a larger one is no faster on a CPU. */
const BATCH = 8;
/** The share of the calibration prompts that decides; the rest is the check inside the search. */
const DECIDING = 2 / 3;
const LONG = 100;

/** The numbers of calls that plans are looked for where nobody says. */
export function usualCalls(steps: number): number[] {
	return [
		...new Set(
			[1.5, 1.75, 2, 2.5, 3, 4, 5].map((speedup) =>
				Math.round(steps / speedup),
			),
		),
	].filter((calls) => calls >= 2 && calls < steps);
}

/**
 * Searches times and reuse together for each number of network calls: dynamic programming over a grid of times that carries the
 * student's own latents and history, then local search on the true error, both on the calibration prompts; then
 * measures these plans beside simple grids and the paper's plan on held-out prompts. Noise injection is off throughout.
 * @returns the points on held-out prompts; of series `tuned` the plans that were found
 * @throws OptionError when the sampler cannot be searched for
 */
export async function tunePlans(options: TuneOptions): Promise<FrontPoint[]> {
	const { pipeline, state, target, calls, signal } = options;
	const grids = runGrids(pipeline, options.options);
	const { plain: settings, settingsOf, samplerOn } = grids;
	const { steps } = settings;
	checkSearchable(settings);
	if (calls.some((count) => count >= steps))
		throw new OptionError(
			"calls",
			`${calls.find((count) => count >= steps)} network calls are no fewer than the ${steps} of the plain run`,
		);
	if (calls.length === 0)
		throw new OptionError(
			"calls",
			`none are given, and a plain run of ${steps} steps is too short for fewer: give it more steps`,
		);
	// before the search, which takes long
	const beside = options.beside.map((words) => planBeside(words, grids));
	const prompts = await calibrationPrompts(pipeline, settings, [
		...options.calibration,
		...options.heldOut,
	]);
	const calibration = prompts.slice(0, options.calibration.length);
	const found = await searched(options, {
		calibration,
		grids,
		teacher:
			target === "long"
				? settingsOf({ steps: Math.max(LONG, steps) })
				: settings,
	});
	const extrapolation = { order: 0, over: AXIS } as const;
	const contenders: Contender[] = [
		...beside,
		...[...found.values()].map((plan): Contender => {
			const list = stepsOf(plan);
			return {
				series: "tuned",
				plan: planOfSteps(list, extrapolation, "tuned"),
				sampler: samplerOn(list.times),
			};
		}),
		...calls.flatMap((count) =>
			grids.simpleGrids(count).map(
				({ name, times }): Contender => ({
					series: name,
					plan: { ...plainPlan(count), times },
					sampler: samplerOn(times),
				}),
			),
		),
	];
	const judge = await options.openJudge?.();
	let points: FrontPoint[];
	try {
		points = await heldOutFront(contenders, {
			...options,
			pipeline: judge ?? pipeline,
			settings,
			prompts: prompts.slice(options.calibration.length),
		});
	} finally {
		await judge?.release();
	}
	await options.save(state);
	signal?.throwIfAborted();
	return points;
}

/** @throws OptionError (beside) when the words are no plan of the run */
function planBeside(words: string, { plain, settingsOf }: RunGrids): Contender {
	try {
		const { plan, sampler } = settingsOf({
			steps: plain.steps,
			keySteps: words,
		});
		return { series: words, plan, sampler };
	} catch (error) {
		throw error instanceof OptionError && error.option === "keySteps"
			? new OptionError("beside", error.what, { cause: error })
			: error;
	}
}

interface SearchedFor {
	readonly calibration: readonly CalibrationPrompt[];
	readonly grids: RunGrids;
	readonly teacher: RunSettings;
}

/** The plan for each number of calls; what the state knows is not searched again. */
async function searched(
	options: TuneOptions,
	{ calibration, grids, teacher }: SearchedFor,
): Promise<Map<number, TimedPlan>> {
	const { state, calls, save, signal, onProgress } = options;
	const { unet } = options.pipeline;
	const { plain, samplerOn } = grids;
	const missing = calls.filter((count) => !state.improved[count]);
	const deciding = Math.max(1, Math.round(calibration.length * DECIDING));
	if (missing.length > 0) {
		const { timesteps } = plain.sampler;
		const grid = candidateTimes(
			timesteps,
			Math.max(options.candidates, timesteps.length),
		);
		const parts = [
			promptBatches(calibration.slice(0, deciding), BATCH),
			promptBatches(calibration.slice(deciding), BATCH),
		];
		const batches = parts.flat();
		const teachers = [];
		for (const [done, batch] of batches.entries()) {
			onProgress?.({ stage: "plain runs", done, total: batches.length });
			teachers.push(
				await teach(batch, teacher.sampler, samplerOn, unet, signal),
			);
		}
		const reuses = reusesOf(plain.sampler);
		if (!missing.every((count) => state.found?.[count])) {
			const found = await searchGrid({
				unet,
				samplerOn,
				batches: parts[0],
				teachers: teachers.slice(0, parts[0].length),
				grid,
				budgets: missing,
				reuses,
				reach: LONGEST_GAP,
				most: 3,
				onNode: (done, at) =>
					onProgress?.({
						stage: "searching times",
						done,
						// about half of all points are within reach
						total: Math.round((grid.length * Math.max(...missing)) / 2),
						note: `${at} calls`,
					}),
				signal,
			});
			state.found = Object.fromEntries(
				[...found].map(([count, plans]) => [
					count,
					plans.map(({ plan }) => keptPlan(plan)),
				]),
			);
			await save(state);
		}
		const runner: PlanRunnerOptions = {
			unet,
			samplerOn,
			batches,
			teachers,
			signal,
		};
		const generator = mersenneTwister(plain.seed);
		const started = performance.now();
		// what is spent on starts is not local search's
		let judging = 0;
		for (const [n, count] of missing.entries()) {
			const began = performance.now();
			let best: JudgedPlan | undefined;
			for (const start of [
				...(state.found?.[count] ?? []).map(readKeptPlan),
				...grids
					.simpleGrids(count)
					.flatMap(({ times }) => simplePlans(times, timesteps, reuses)),
			]) {
				// a start that is given up too soon is lost: moves are many, these are few
				const judged = await judgePlan(start, runner, best, 2);
				if (judged && (!best || sum(judged.logs) < sum(best.logs)))
					best = judged;
			}
			if (!best) throw new RangeError(`no plan of ${count} calls was found`);
			judging += performance.now() - began;
			const now = performance.now();
			const left = started + judging + options.minutes * 60_000 - now;
			const until = now + Math.max(0, left) / (missing.length - n);
			best = await improvePlan(best, {
				...runner,
				deciding,
				reuses,
				reach: LONGEST_GAP,
				trials: options.trials,
				generator,
				range: [0, Math.max(timesteps[0], grid[0])],
				goesOn: () => performance.now() < until,
				onTrial: (done) =>
					onProgress?.({
						stage: "improving plans",
						done: n * options.trials + done,
						total: missing.length * options.trials,
						note: `${count} calls`,
					}),
			});
			state.improved[count] = keptPlan(best.plan);
			await save(state);
		}
	}
	return new Map(
		calls.map((count) => [count, readKeptPlan(state.improved[count])]),
	);
}

function checkSearchable({ sampler, steps }: RunSettings): void {
	const { name, stochastic, timesteps } = sampler;
	if (stochastic)
		throw new OptionError(
			"sampler",
			`${name} adds fresh noise at every step, so that there is no one run to come near to; choose a sampler without`,
		);
	if (timesteps.length !== steps)
		throw new OptionError(
			"sampler",
			`${name} does not call the network once a step, which the search goes by; choose another sampler`,
		);
}

const sum = (values: readonly number[]) =>
	values.reduce((total, value) => total + value, 0);
