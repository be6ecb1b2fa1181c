import { afterAll, expect, test } from "vitest";
import { parseMethods } from "../../../src/evaluation/methods/method.js";
import { settleMethods } from "../../../src/evaluation/methods/nodeSettleMethods.js";
import { loadPipeline } from "../../../src/pipeline/nodeLoadPipeline.js";

const pipeline = await loadPipeline(undefined, { threads: 1 });
afterAll(() => pipeline.release());

test("fewer steps cost what the plan costs, also where an accelerator or a plan of fewer steps saves", async () => {
	const methods = parseMethods(
		"ddim-10+fewer-flops:cfg-cutoff:0.5 dpm-solver++-20+fewer-flops:auto dpm-solver++-20+fewer-flops:uniform:20",
	);
	const [cutoff, tuned, uniform] = await settleMethods(methods, pipeline, {
		guidanceScale: 5,
	});
	// half of the steps on half of the batch
	expect(cutoff.run).toBe(8);
	const { states } = pipeline.settings({ prompt: "" }).plan;
	expect(tuned.run).toBe(states.filter(({ run }) => run === "full").length);
	expect(uniform.run).toBeGreaterThan(1);
	expect(uniform.run).toBeLessThan(20);
});

test("fewer steps than a plan that is not there are refused, and not drawn as all steps", async () => {
	// no plan was tuned for so few steps
	const methods = parseMethods("ddim-3+fewer-flops:auto");
	await expect(
		settleMethods(methods, pipeline, { guidanceScale: 5 }),
	).rejects.toThrow(/^methods: ddim-3\+fewer-flops:auto: auto: no plan was/);
});
