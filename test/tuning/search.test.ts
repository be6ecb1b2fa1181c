import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import type { RunSettings } from "../../src/pipeline/runSettings.js";
import { timesWord } from "../../src/propagation/planTimes.js";
import { stepStateWord } from "../../src/propagation/stepState.js";
import { mersenneTwister } from "../../src/random/mersenneTwister.js";
import type { Times } from "../../src/samplers/schedules/timeGrid.js";
import { relativeError } from "../../src/tensor/relativeError.js";
import {
	type CalibrationPrompt,
	calibrationPrompts,
} from "../../src/tuning/runs/calibrationPrompt.js";
import { runToEnd } from "../../src/tuning/runs/endToEnd.js";
import { runGrids } from "../../src/tuning/runs/runGrids.js";
import { keptPlan, readKeptPlan } from "../../src/tuning/runs/tuningState.js";
import { searchGrid } from "../../src/tuning/search/gridSearch.js";
import { improvePlan, isBetter } from "../../src/tuning/search/localSearch.js";
import {
	judgePlan,
	type PlanRunnerOptions,
} from "../../src/tuning/search/planRunner.js";
import { simplePlans } from "../../src/tuning/search/simplePlans.js";
import { AXIS, promptBatches } from "../../src/tuning/search/students.js";
import { teach } from "../../src/tuning/search/teacher.js";
import {
	callsAlone,
	NO_GAP,
	planOfSteps,
	type Reuse,
	stepsOf,
	type TimedPlan,
} from "../../src/tuning/search/timedPlan.js";
import { tinySd } from "../pipeline/tinyModels.js";

const denoised: Reuse = { run: "nothing", order: 1, of: "denoised" };
const plain: Reuse = { run: "nothing", order: 1 };
const mean = (values: readonly number[] = []) =>
	values.reduce((sum, value) => sum + value, 0) / values.length;

describe.each(["ddim", "dpm-solver++", "euler", "unipc"])("%s", (sampler) => {
	let pipeline: Pipeline;
	let settings: RunSettings;
	let prompts: CalibrationPrompt[];
	let runner: PlanRunnerOptions;
	const steps = 6;
	const settingsOf = (more: object) =>
		pipeline.settings({
			prompt: "",
			sampler,
			seed: 5n,
			keySteps: "all",
			...more,
		});
	const samplerOn = (times: Times) =>
		settingsOf({ keySteps: timesWord(times) }).sampler;
	beforeAll(async () => {
		pipeline = await loadPipeline(tinySd, {
			threads: 1,
			optimization: "extended",
		});
		settings = settingsOf({ steps });
		prompts = await calibrationPrompts(pipeline, settings, [
			"apple",
			"cat",
			"tea",
		]);
		const batches = promptBatches(prompts, 2);
		const teachers = [];
		for (const batch of batches)
			teachers.push(
				await teach(batch, settings.sampler, samplerOn, pipeline.unet),
			);
		runner = { unet: pipeline.unet, samplerOn, batches, teachers };
	});
	afterAll(() => pipeline.release());

	const errorsByPipeline = async (plan: TimedPlan) => {
		const list = stepsOf(plan);
		const errors: number[] = [];
		for (const prompt of prompts) {
			const truth = await runToEnd(prompt, {
				pipeline,
				sampler: settings.sampler,
				plan: settings.plan,
			});
			const own = await runToEnd(prompt, {
				pipeline,
				sampler: samplerOn(list.times),
				plan: planOfSteps(list, { order: 0, over: AXIS }, "test"),
			});
			errors.push(relativeError(own.latents, truth.latents));
		}
		return errors;
	};

	test("what the search says of a plan is what the pipeline draws, prompts in batches or not", async () => {
		const plan: TimedPlan = {
			calls: [970, 640.5, 300],
			gaps: [NO_GAP, { reuse: denoised, count: 2 }, { reuse: plain, count: 2 }],
			end: 40,
		};
		expect(stepsOf(plan).times).toEqual([970, 640.5, 527, 413.5, 300, 170, 40]);
		const judged = await judgePlan(plan, runner);
		const errors = await errorsByPipeline(plan);
		for (const [n, log] of (judged?.logs ?? []).entries())
			expect(Math.exp(log) / errors[n]).toBeCloseTo(1, 3);
		// going on from a plan that begins alike says the same
		for (const other of [
			{ ...plan, calls: [970, 640.5, 250] },
			{ ...plan, gaps: [NO_GAP, NO_GAP, { reuse: plain, count: 2 }] },
			{ ...plan, calls: [900, 640.5, 300] },
			{ ...plan, gaps: [...plan.gaps.slice(0, 2), NO_GAP] },
		]) {
			const known = judged && { ...judged, logs: judged.logs.map(() => 9) };
			const continued = await judgePlan(other, runner, known);
			const whole = await judgePlan(other, runner);
			for (const [n, log] of (whole?.logs ?? []).entries())
				expect(continued?.logs[n]).toBeCloseTo(log, 4);
		}
	});

	test("the plain run's latents are known between its steps, and its own grid errs by rounding only", async () => {
		const { timesteps } = settings.sampler;
		const own = await judgePlan(
			callsAlone(timesteps, timesteps[steps - 1]),
			runner,
		);
		expect(Math.max(...(own?.logs ?? []))).toBeLessThan(Math.log(2e-5));
		const [teacher] = runner.teachers;
		// halfway between two of its points the latents are in between
		const [a, b] = [timesteps[2], timesteps[3]];
		const whole = relativeError(teacher.latentsAt(a), teacher.latentsAt(b));
		const half = relativeError(
			teacher.latentsAt(a),
			teacher.latentsAt((a + b) / 2),
		);
		expect(half).toBeGreaterThan(0.2 * whole);
		expect(half).toBeLessThan(0.8 * whole);
	});

	test("dynamic programming finds the best grid of two calls there is, and its estimates are true", async () => {
		const options = {
			...runner,
			grid: [999, 850, 700, 550, 400, 250, 100],
			budgets: [2],
			reach: 3,
			most: 7,
		};
		const found = await searchGrid({ ...options, reuses: [] });
		const values = [];
		// as far as even steps, give or take a fifth of the run
		for (const second of [550, 400])
			values.push(
				mean((await judgePlan(callsAlone([999, second], 100), runner))?.logs),
			);
		expect(found.get(2)?.[0].value).toBeCloseTo(Math.min(...values), 3);
		const reusing = await searchGrid({ ...options, reuses: [denoised, plain] });
		const [best] = reusing.get(2) ?? [];
		const judged = await judgePlan(best.plan, runner);
		expect(mean(judged?.logs)).toBeCloseTo(best.value, 2);
		expect(best.value).toBeLessThanOrEqual(Math.min(...values) + 1e-3);
	});

	test("local search keeps what helps where it decides and does not hurt elsewhere, the same every time", async () => {
		const start = await judgePlan(callsAlone([999, 500, 60], 60), runner);
		if (!start) throw new Error("a plan alone is never given up");
		const improve = () =>
			improvePlan(start, {
				...runner,
				deciding: 2,
				reuses: [denoised, plain],
				reach: 4,
				trials: 15,
				generator: mersenneTwister(3n),
				range: [0, 999],
				goesOn: () => true,
			});
		const best = await improve();
		expect(isBetter(best, start, 2)).toBe(true);
		expect(mean(best.logs)).toBeLessThan(mean(start.logs));
		expect((await improve()).plan).toEqual(best.plan);
		expect(stepsOf(readKeptPlan(keptPlan(best.plan)))).toEqual(
			stepsOf(best.plan),
		);
	});

	test("simple grids decrease, each another, and most go from the plain run's first timestep to its last", () => {
		const { timesteps } = settings.sampler;
		const grids = runGrids(pipeline, { sampler, steps, seed: 5n });
		expect(grids.plain.sampler.timesteps).toEqual(timesteps);
		const found = grids.simpleGrids(4);
		expect(new Set(found.map(({ times }) => times.join())).size).toBe(
			found.length,
		);
		const names = found.map(({ name }) => name);
		for (const name of ["even", "exponential", "karras", "ays", "trailing"])
			expect(names).toContain(name);
		for (const { name, times } of found) {
			expect(times).toHaveLength(4);
			expect(times.toSorted((a, b) => b - a)).toEqual(times);
			expect(grids.samplerOn(times).timesteps).toEqual(times);
			if (/^(own|leading|linspace|trailing|ays)$/.test(name)) continue;
			expect(times[0]).toBeCloseTo(timesteps[0], 1);
			expect(times[3]).toBeCloseTo(timesteps[steps - 1], 1);
		}
	});
});

test("plans on the plain run's own grid call at its steps nearest to the times, and reuse at the others", () => {
	const run = [900, 750, 600, 450, 300, 150];
	const [alone, reusing] = simplePlans([880, 500, 440, 10], run, [denoised]);
	expect(stepsOf(alone).times).toEqual([880, 500, 440, 10]);
	const { times, states } = stepsOf(reusing);
	expect(times).toEqual(run);
	expect(states.map(stepStateWord)).toEqual([
		"full",
		"nothing:1:denoised",
		"nothing:1:denoised",
		"full",
		"full",
		"full",
	]);
	// a plan of as many calls as the run has steps leaves nothing out
	expect(simplePlans(run, run, [denoised])).toHaveLength(1);
});
