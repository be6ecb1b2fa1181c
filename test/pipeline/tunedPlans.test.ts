import { afterAll, expect, test } from "vitest";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { stepCosts } from "../../src/pipeline/stepCosts.js";
import { stepStateWord } from "../../src/propagation/stepState.js";

const pipeline = await loadPipeline();
afterAll(() => pipeline.release());

test("the plans that were tuned for a run are told, with the options that take them", () => {
	const plans = pipeline.tunedPlans({ prompt: "", keySteps: "paper" });
	expect(plans.map(({ label }) => label)).toEqual(["1.25x", "1.50x", "2.00x"]);
	const auto = pipeline.settings({ prompt: "", keySteps: "auto" });
	expect(plans.map(({ options }) => options.keySteps)).toContain(
		auto.plan.label,
	);
	for (const { options, states } of plans) {
		const settings = pipeline.settings({ prompt: "", ...options });
		expect(settings.plan.states.map(stepStateWord)).toEqual(states);
		expect(settings.injection.alpha).toBe(0);
	}
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
