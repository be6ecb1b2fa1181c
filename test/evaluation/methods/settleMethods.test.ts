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
