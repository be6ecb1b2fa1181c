import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isPlain, keySteps } from "../../src/propagation/keyStepPlan.js";
import {
	parseKeySteps,
	statesWords,
} from "../../src/propagation/planStates.js";
import { publishedKeySteps } from "../../src/propagation/publishedKeySteps.js";
import { segments } from "../../src/propagation/segments.js";
import { stepStateWord } from "../../src/propagation/stepState.js";

describe("published key steps", () => {
	test("are the paper's for 50 steps and what its GFLOPs imply for 20", () => {
		expect(publishedKeySteps(50)).toEqual([0, 1, 2, 3, 5, 10, 15, 25, 35]);
		expect(publishedKeySteps(20)).toEqual([0, 1, 2, 3, 5, 10, 15]);
	});
	test("are the official code's for 75 and 100 steps", () => {
		expect(publishedKeySteps(75)).toHaveLength(10 + 12 + 9);
		expect(publishedKeySteps(75)).toContain(65);
		expect(publishedKeySteps(75)).not.toContain(64);
		expect(publishedKeySteps(100).filter((i) => i > 85)).toHaveLength(14);
	});
	test("begin with 0, ascend and stay in range for any number", () => {
		for (let n = 1; n <= 1000; n++) {
			const keys = publishedKeySteps(n);
			expect(keys[0]).toBe(0);
			expect(keys.every((key, i) => i === 0 || key > keys[i - 1])).toBe(true);
			expect(keys[keys.length - 1]).toBeLessThan(n);
		}
	});
});

describe("--key-steps", () => {
	const states = (words: string, n: number) =>
		parseKeySteps(words, n).states.map(stepStateWord).join(" ");
	test("all is plain sampling", () => {
		expect(isPlain(parseKeySteps("all", 7))).toBe(true);
	});
	test("uniform:K, lists and states say what runs", () => {
		expect(states("uniform:3", 5)).toBe("full decoder decoder full decoder");
		expect(states("0,1,3", 5)).toBe("full full decoder full decoder");
		expect(states("deepcache:2:3", 3)).toBe("full outer:3 full");
		expect(states("full,outer:2:kept,nothing:1", 3)).toBe(
			"full outer:2:kept nothing:1",
		);
	});
	test("@ says how features are extrapolated", () => {
		expect(parseKeySteps("paper@1", 20).extrapolation).toEqual({
			order: 1,
			over: "timestep",
		});
		expect(parseKeySteps("0,4@2:log-snr", 6).extrapolation).toEqual({
			order: 2,
			over: "log-snr",
		});
	});
	test.each([
		["0,5", 5, /5 is out of range.*0 to 4/],
		["1,2", 5, /step 0 must be a key step/],
		["0,2,2", 5, /ascending/],
		["decoder,full", 2, /first step must be full/],
		["full,decoder", 3, /2 step states.*3/],
		["full,outer:0", 2, /outer:0/],
		["sometimes", 5, /"sometimes" is no plan/],
		["uniform:0", 5, /no plan/],
		["uniform:2:3", 5, /no plan/],
		["", 5, /no plan/],
		["paper@3", 20, /no plan/],
	])("refuses %s", (words, n, message) => {
		expect(() => parseKeySteps(words, n)).toThrow(message);
	});
	test("statesWords says a plan in words that read back as it", () => {
		const state = fc.constantFrom(
			"decoder",
			"outer:2",
			"outer:1:kept",
			"nothing:1",
			"full",
		);
		fc.assert(
			fc.property(
				fc.array(state, { minLength: 1, maxLength: 30 }),
				fc.constantFrom("", "@1", "@2:log-snr"),
				(rest, suffix) => {
					const plan = parseKeySteps(
						`full,${rest.join()}${suffix}`,
						rest.length + 1,
					);
					const again = parseKeySteps(
						statesWords({ ...plan, label: "a file" }),
						rest.length + 1,
					);
					expect(again.states).toEqual(plan.states);
					expect(again.extrapolation).toEqual(plan.extrapolation);
				},
			),
		);
		expect(statesWords(parseKeySteps("paper", 50))).toBe("paper");
		expect(statesWords({ ...parseKeySteps("0,2", 3), label: "x.json" })).toBe(
			"0,2",
		);
	});
});

test("segments begin where latents are read and hold all steps until the next", () => {
	const plan = parseKeySteps(
		"full,decoder,nothing:0,outer:1,outer:1:kept,full",
		6,
	);
	expect(segments(plan).map((own) => own.map(({ index }) => index))).toEqual([
		[0, 1, 2],
		[3, 4],
		[5],
	]);
	expect(keySteps(plan)).toEqual([0, 5]);
});
