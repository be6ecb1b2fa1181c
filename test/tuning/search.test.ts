import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import type { RunSettings } from "../../src/pipeline/runSettings.js";
import { timesWord } from "../../src/propagation/planTimes.js";
import { mersenneTwister } from "../../src/random/mersenneTwister.js";
import type { Times } from "../../src/samplers/schedules/timeGrid.js";
import { relativeError } from "../../src/tensor/relativeError.js";
import {
	type CalibrationPrompt,
	calibrationPrompts,
} from "../../src/tuning/runs/calibrationPrompt.js";
import { runToEnd } from "../../src/tuning/runs/endToEnd.js";
import { keptPlan, readKeptPlan } from "../../src/tuning/runs/tuningState.js";
import { gridFamilies } from "../../src/tuning/search/gridFamilies.js";
import { searchGrid } from "../../src/tuning/search/gridSearch.js";
import { improvePlan, isBetter } from "../../src/tuning/search/localSearch.js";
import {
	judgePlan,
	type PlanRunnerOptions,
} from "../../src/tuning/search/planRunner.js";
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

	test("families of grids go from the plain run's first timestep to its last", () => {
		const { timesteps } = settings.sampler;
		const families = gridFamilies({
			own: (count) => settingsOf({ steps: count }).sampler,
			timesOfLogSnr: (logSnr) => samplerOn({ logSnr }).timesteps,
			plain: settings.sampler,
		});
		for (const { name, times } of families) {
			const grid = times(4);
			expect(grid).toHaveLength(4);
			expect(grid.toSorted((a, b) => b - a)).toEqual(grid);
			if (name === "own") continue;
			expect(grid[0]).toBeCloseTo(timesteps[0], 1);
			expect(grid[3]).toBeCloseTo(timesteps[steps - 1], 1);
		}
	});
});
