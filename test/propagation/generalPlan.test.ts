import { describe, expect, test } from "vitest";
import { planWords, readKeySteps } from "../../src/accelerators/planWords.js";
import {
	type RunToPlan,
	resolvePlan,
} from "../../src/accelerators/resolvePlan.js";
import { generalPlan, planOfCalls } from "../../src/propagation/generalPlan.js";
import { keySteps } from "../../src/propagation/keyStepPlan.js";
import type { PlanFile } from "../../src/propagation/planFile.js";
import { PLAN_QUALITIES } from "../../src/propagation/planQuality.js";
import { createSampler } from "../../src/samplers/createSampler.js";
import type { SamplerName } from "../../src/samplers/sampler.js";
import { timesValues } from "../../src/samplers/schedules/timeGrid.js";

const STABLE_DIFFUSION = {
	beta_start: 0.00085,
	beta_end: 0.012,
	beta_schedule: "scaled_linear",
};
const plainRun = (name: SamplerName, steps: number, more: object = {}) =>
	createSampler({ name, steps, config: { ...STABLE_DIFFUSION, ...more } });

describe("general plans", () => {
	test.each<[SamplerName, number]>([
		["dpm-solver++", 20],
		["dpm-solver++", 50],
		["unipc", 20],
		["ddim", 50],
		["ddim", 100],
		["euler", 50],
	])(
		"of %s with %i steps call the network less often, the less so the better the quality",
		(name, steps) => {
			const plain = plainRun(name, steps);
			const calls = PLAN_QUALITIES.map((quality) => {
				const plan = generalPlan(plain, quality);
				return plan ? keySteps(plan).length : steps;
			});
			expect(calls).toEqual(calls.toSorted((a, b) => b - a));
			expect(calls[0]).toBeLessThanOrEqual(steps);
			expect(calls[2]).toBeLessThan(0.8 * steps);
		},
	);

	test("of solvers of first order keep the run's steps and extrapolate predictions over log-SNR; others have fewer steps, evenly in log-SNR", () => {
		const ddim = planOfCalls(plainRun("ddim", 50), 20);
		expect(ddim?.states).toHaveLength(50);
		expect(ddim?.times).toBeUndefined();
		expect(ddim && planWords(ddim)).toMatch(
			/^full,nothing:1,full,.*@0:log-snr$/,
		);
		// closest at both ends, as Karras' grid is over timesteps
		const calls = ddim ? keySteps(ddim) : [];
		expect(calls).toHaveLength(20);
		expect(calls.slice(0, 3)).toEqual([0, 2, 4]);
		expect(calls.slice(-3)).toEqual([47, 48, 49]);

		const plain = plainRun("dpm-solver++", 20);
		const multistep = planOfCalls(plain, 12);
		expect(multistep?.states).toHaveLength(12);
		const logSnr = timesValues(multistep?.times ?? []);
		const gaps = logSnr.slice(1).map((value, n) => value - logSnr[n]);
		for (const gap of gaps) expect(gap).toBeCloseTo(gaps[0], 3);
		expect(logSnr[0]).toBeCloseTo(-2 * Math.log(plain.sigmas[0]), 3);
		expect(logSnr[11]).toBeCloseTo(-2 * Math.log(plain.sigmas[19]), 3);
	});

	test("are for the samplers, lengths and predictions that were compared, and for no others", () => {
		for (const [name, steps, more] of [
			["heun", 20, {}],
			["euler-a", 50, {}],
			["lcm", 50, {}],
			["ddim", 10, {}],
			["dpm-solver++", 8, {}],
			["dpm-solver++", 20, { prediction_type: "v_prediction" }],
		] as const)
			for (const quality of PLAN_QUALITIES)
				expect(generalPlan(plainRun(name, steps, more), quality)).toBe(
					undefined,
				);
	});
});

describe("`auto`", () => {
	const run = (steps: number, more: Partial<RunToPlan> = {}): RunToPlan => ({
		sampler: "dpm-solver++",
		steps,
		guidanceScale: 5,
		model: { hash: "0123456789", label: "mine" },
		createSampler: (times) =>
			createSampler({
				name: "dpm-solver++",
				steps: times ? undefined : steps,
				times,
				config: STABLE_DIFFUSION,
			}),
		...more,
	});
	const resolve = (words: string, more?: Partial<RunToPlan>) =>
		resolvePlan(readKeySteps(words), run(20, more));

	test("is a general plan where no plan was tuned and a quality was asked for, in words that draw it again", () => {
		expect(resolve("auto").plan.label).toBe("all");
		const asked = resolve("auto", { quality: "fast" });
		expect(asked.chosen).toEqual({
			kind: "general",
			quality: "fast",
			standsFor: 20,
		});
		expect(asked.plan.states.length).toBeLessThan(16);
		expect(asked.sampler.timesteps).toHaveLength(asked.plan.states.length);
		expect(resolve("auto:fast").plan).toEqual(asked.plan);
		const again = resolvePlan(
			readKeySteps(asked.plan.label),
			run(asked.plan.states.length),
		);
		expect(again.plan).toEqual(asked.plan);
		expect(again.sampler.sigmas).toEqual(asked.sampler.sigmas);
	});

	test("is none where plans were tuned for these weights and none has the quality, nor in other kinds of runs", () => {
		const tuned: PlanFile = {
			sampler: "dpm-solver++",
			steps: 12,
			standsFor: 20,
			quality: "balanced",
			states: new Array(12).fill("full"),
			times: Array.from({ length: 12 }, (_, n) => 999 - 80 * n),
		};
		const all = () => [tuned];
		const findPlan = Object.assign(() => undefined, { all });
		for (const [words, more] of [
			["auto:high", { findPlan }],
			["auto:fast", { tunable: false }],
			["auto:fast+tome", {}],
		] as const)
			expect(resolve(words, more).chosen).toEqual({
				kind: "plain",
				quality: words.slice(5, 9),
			});
		// a run of as many steps as the tuned plan has is another run
		const twelve = { ...run(24), findPlan };
		expect(resolvePlan(readKeySteps("auto:fast"), twelve).chosen?.kind).toBe(
			"general",
		);
	});
});
