import { afterAll, expect, test } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { GenerateOptions } from "../../src/pipeline/options.js";
import { stepCosts } from "../../src/pipeline/stepCosts.js";
import { tunedPlans } from "../../src/pipeline/tunedPlans.js";
import type { PlanFile } from "../../src/propagation/planFile.js";
import { stepStateWord } from "../../src/propagation/stepState.js";

const pipeline = await loadPipeline(undefined, { threads: 1 });
afterAll(() => pipeline.release());

const file = (calls: number, more: Partial<PlanFile> = {}): PlanFile => ({
	sampler: "dpm-solver++",
	steps: 4,
	standsFor: 20,
	states: ["full", "full", "nothing:1", calls === 3 ? "full" : "nothing:1"],
	extrapolation: { order: 1, over: "log-snr" },
	times: [999, 700, 400, 100],
	quality: calls === 3 ? "balanced" : "fast",
	injectNoise: 0,
	...more,
});

test("the plans that were tuned for a run are told, with the options that take them", () => {
	const settle = (change: Partial<GenerateOptions>) =>
		pipeline.settings({ prompt: "", keySteps: "all", ...change });
	const wanted: unknown[] = [];
	const all = (run: unknown) => {
		wanted.push(run);
		return [file(2, { injectNoise: 0.01 }), file(3), file(3)];
	};
	const plans = tunedPlans(
		settle({}),
		{
			hash: pipeline.hash,
			findPlan: Object.assign(() => undefined, { all }),
		},
		settle,
	);
	expect(wanted).toEqual([
		{
			model: pipeline.hash,
			sampler: "dpm-solver++",
			steps: 20,
			guidanceScale: 5,
		},
	]);
	expect(plans.map(({ label }) => label)).toEqual([
		"balanced, 3 of 20",
		"fast, 2 of 20",
	]);
	expect(plans.map(({ standsFor }) => standsFor)).toEqual([20, 20]);
	for (const { options, states } of plans) {
		const settings = settle(options);
		expect(settings.plan.states.map(stepStateWord)).toEqual(states);
		expect(settings.sampler.timesteps).toHaveLength(4);
	}
	expect(settle(plans[0].options).injection.alpha).toBe(0);
	expect(settle(plans[1].options).injection.alpha).toBe(0.01);
});

test("no plan was tuned for other steps", () => {
	expect(pipeline.tunedPlans({ prompt: "", steps: 21 })).toEqual([]);
});

test.each([{ guidanceScale: 5 }, { guidanceScale: 1, width: 64 }])(
	"what steps are said to cost is what a run counts: %j",
	async (more) => {
		const options = {
			prompt: "a red apple",
			steps: 5,
			keySteps: "full,decoder,outer:2,nothing:0,full",
			...more,
		};
		const settings = pipeline.settings(options);
		const costs = stepCosts(pipeline, settings);
		const [{ cost }] = await pipeline.generate(options);
		expect(
			settings.plan.states.reduce(
				(sum, state) => sum + costs[stepStateWord(state)],
				0,
			),
		).toBe(cost.flops);
		expect(Object.keys(costs)).toContain("outer:3");
	},
);

// plans of the weights in models/emoji: scripts/tune-embedded.mjs makes them anew
test("the embedded model is drawn with the nearest of its plans unless told otherwise", () => {
	const settings = pipeline.settings({ prompt: "" });
	expect(settings.chosenPlan).toMatchObject({ kind: "tuned", standsFor: 20 });
	const [nearest] = pipeline.tunedPlans({ prompt: "" });
	expect(nearest.options).toMatchObject({
		keySteps: settings.plan.label,
		steps: settings.steps,
	});
	const fast = pipeline.settings({ prompt: "", quality: "fast" });
	expect(fast.evaluations).toBeLessThan(settings.evaluations);
	const all = pipeline.settings({ prompt: "", keySteps: "all" });
	expect(all.evaluations).toBe(20);
});

test("a run with another grid is offered no plan that brings its own", () => {
	expect(pipeline.tunedPlans({ prompt: "", schedule: "karras" })).toEqual([]);
	for (const more of [{}, { quality: "fast" }] as const)
		for (const sampler of ["DPM++ 2M Karras", "Euler Exponential"]) {
			const named = pipeline.settings({ prompt: "", sampler, ...more });
			expect(named.chosenPlan?.kind).toBe("plain");
			expect(named.evaluations).toBe(20);
			expect(named.schedule).toBe(sampler.split(" ").at(-1)?.toLowerCase());
		}
});

test("a plan of which the strength leaves no step is not offered", () => {
	const initImage = { width: 128, height: 128, data: new Uint8Array(49152) };
	const offered = (strength: number) =>
		pipeline.tunedPlans({ prompt: "", initImage, strength }).length;
	expect(offered(0.05)).toBe(0);
	expect(offered(1)).toBeGreaterThan(0);
});

test("a LoRA that the prompt names makes it another model, which no plan was tuned for", () => {
	const plain = pipeline.settings({ prompt: "an apple <lora:ice>" });
	expect(plain.loraTags).toHaveLength(1);
	expect(plain.chosenPlan?.kind).not.toBe("tuned");
	expect(plain.evaluations).toBe(20);
	// a name that is no LoRA here is left out of the prompt, or kept as words
	const unknown = pipeline.settings({ prompt: "an apple <lora:none>" });
	expect(unknown.chosenPlan).toMatchObject({ kind: "tuned" });
});

test("whoever has chosen one of them is still told the others", () => {
	const all = pipeline.tunedPlans({ prompt: "" });
	expect(all.map(({ standsFor }) => standsFor)).toEqual([20, 20, 20]);
	for (const { options } of all)
		expect(pipeline.tunedPlans({ prompt: "", ...options })).toEqual(all);
	expect(pipeline.tunedPlans({ prompt: "", steps: 11 })).toEqual([]);
});
