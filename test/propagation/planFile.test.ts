import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { keySteps } from "../../src/propagation/keyStepPlan.js";
import { parsePlanFile, planFromFile } from "../../src/propagation/planFile.js";

const run = { sampler: "ddim", steps: 4, evaluations: 4 };
const text = (plan: object) => JSON.stringify(plan);

describe("plan files", () => {
	test("with key steps", () => {
		const file = parsePlanFile(
			text({
				sampler: "ddim",
				steps: 4,
				keySteps: [0, 2],
				injectNoise: 0.01,
				injectUntil: 0.3,
			}),
			"p.json",
		);
		const plan = planFromFile(file, run, "p.json");
		expect(keySteps(plan)).toEqual([0, 2]);
		expect(plan.injectNoise).toBe(0.01);
		expect(plan.injectUntil).toBe(0.3);
	});
	test("with states and extrapolation", () => {
		const extrapolation = { order: 1, over: "log-snr" };
		const file = parsePlanFile(
			text({
				steps: 4,
				states: ["full", "outer:2", "nothing:1:denoised", "nothing:2"],
				extrapolation,
			}),
			"p.json",
		);
		const plan = planFromFile(file, run, "p.json");
		expect(plan.states[2]).toEqual({
			run: "nothing",
			order: 1,
			of: "denoised",
		});
		expect(plan.states[3]).toEqual({ run: "nothing", order: 2 });
		expect(plan.extrapolation).toEqual(extrapolation);
	});
	test.each([
		["{", /p\.json is no valid JSON/],
		[text({ keySteps: [0] }), /steps/],
		[text({ steps: 4 }), /exactly one of keySteps and states/],
		[text({ steps: 4, keySteps: [0], states: ["full"] }), /exactly one/],
		[text({ steps: 0, keySteps: [0] }), /steps/],
		[text({ steps: 4, keySteps: [0], injectNoise: 2 }), /injectNoise/],
		[
			text({ steps: 2, keySteps: [0], times: [900, "x"] }),
			/times is \[900,"x"\]: give training timesteps, descending, or/,
		],
		[
			text({ steps: 2, keySteps: [0], times: [500, 900] }),
			/timesteps must decrease/,
		],
		[
			text({ steps: 2, keySteps: [0], times: { logSnr: [2, 1] } }),
			/ratios must increase/,
		],
		[text({ steps: 3, keySteps: [0], times: [9, 1] }), /as many times as/],
	])("refuses %s", (content, message) => {
		expect(() => parsePlanFile(content, "p.json")).toThrow(message);
	});
	test("refuses other steps, another sampler, a key step out of range", () => {
		const use = (plan: object) => () =>
			planFromFile(parsePlanFile(text(plan), "p.json"), run, "p.json");
		expect(use({ steps: 5, keySteps: [0] })).toThrow(/for 5 steps, not 4/);
		expect(use({ sampler: "euler", steps: 4, keySteps: [0] })).toThrow(
			/for the sampler euler, not ddim/,
		);
		expect(use({ steps: 4, keySteps: [0, 4] })).toThrow(/4 is out of range/);
		expect(use({ steps: 4, states: ["full", "half", "full", "full"] })).toThrow(
			/"half" is no step state/,
		);
	});
	test("any text is a plan or a UserError", () => {
		fc.assert(
			fc.property(fc.oneof(fc.string(), fc.json()), (content) => {
				try {
					planFromFile(parsePlanFile(content, "p.json"), run, "p.json");
				} catch (error) {
					expect(error).toBeInstanceOf(UserError);
				}
			}),
		);
	});
});
