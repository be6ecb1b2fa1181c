import { describe, expect, test } from "vitest";
import {
	parseMethod,
	parseMethodFile,
	parseMethods,
} from "../../../src/evaluation/methods/method.js";
import { methodPresets } from "../../../src/evaluation/methods/methodPresets.js";
import { imagePath } from "../../../src/evaluation/run/nodeImagePath.js";

describe("methods in words", () => {
	test("plain, propagated, and with every further word", () => {
		expect(parseMethod("ddim-50")).toEqual({
			name: "ddim-50",
			sampler: "ddim",
			steps: 50,
			keySteps: "all",
			reference: "ddim-50",
		});
		expect(parseMethod("dpm-solver++-20+paper+no-inject")).toMatchObject({
			sampler: "dpm-solver++",
			steps: 20,
			keySteps: "paper",
			injectNoise: 0,
			reference: "dpm-solver++-20",
		});
		expect(parseMethod("dpm-solver++-3m-20+keys:0/2/7")).toMatchObject({
			sampler: "dpm-solver++-3m",
			keySteps: "0,2,7",
		});
		expect(parseMethod("ddim-50+fewer:uniform:4")).toMatchObject({
			fewer: { plan: "uniform:4", by: "time" },
		});
		for (const [words, keySteps] of [
			["ucache:0.4", "ucache:0.4"],
			["adaptive:0.1", "adaptive:0.1"],
			["paper+tome:0.3:7", "paper+tome:0.3:7"],
			["tgate:20+keys:0/1/2/3", undefined],
			["keys:0/2+tome", "0,2+tome"],
			["paper@1", "paper@1"],
			["auto+tome:0.2", "auto+tome:0.2"],
		])
			if (keySteps === undefined)
				expect(() => parseMethod(`ddim-50+${words}`)).toThrow(
					/leave the key steps out/,
				);
			else expect(parseMethod(`ddim-50+${words}`).keySteps).toBe(keySteps);
		expect(
			parseMethod("ddim-50+paper+cfg-cutoff:0.6+guidance:3"),
		).toMatchObject({
			keySteps: "paper+cfg-cutoff:0.6",
			reference: "ddim-50+guidance:3",
		});
	});

	test("methods of earlier versions, whose accelerator stood beside the key steps, are read", () => {
		const old = (method: object) =>
			parseMethodFile(
				JSON.stringify([{ name: "x", sampler: "ddim", steps: 50, ...method }]),
				"m",
			)[0].keySteps;
		expect(old({ accelerator: { kind: "ucache", threshold: 0.4 } })).toBe(
			"ucache:0.4",
		);
		expect(
			old({
				keySteps: "paper",
				accelerator: { kind: "tome", ratio: 0.3, seed: 7 },
			}),
		).toBe("paper+tome:0.3:7");
		expect(old({ accelerator: { kind: "tgate" } })).toBe("tgate");
		expect(() => old({ accelerator: { kind: "tome", ratio: 3 } })).toThrow(
			/tome: ratio/,
		);
	});

	test("presets are methods, without repeats", () => {
		for (const [name, words] of Object.entries(methodPresets))
			expect(parseMethods(name).map((method) => method.name)).toEqual(words);
		expect(parseMethods("study honest").length).toBe(
			methodPresets.honest.length,
		);
	});

	test.each([
		["", /no method is given/],
		["ddim", /"ddim" is no method/],
		["dimm-50", /did you mean ddim/],
		["ddim-50+papre", /"papre" is not known/],
		["ddim-50+paper+uniform:4", /gives its states twice/],
		["ddim-50+inject:0.1+no-inject", /says twice what its injectNoise is/],
		["ddim-50+inject:2", /inject needs a number from 0 to 1/],
		["ddim-50+keys:1/2", /step 0 must be a key step/],
		["ddim-50+keys:0/99", /key step 99 is out of range/],
		["ddim-50+paper+fewer", /fewer steps are plain steps/],
		["ddim-50+paper+ucache", /leave the key steps out/],
		["ddim-50+deepcache:3+cfg-cutoff", /full and decoder steps only/],
		["ddim-50+tgate:50", /its step is a whole number from 1 to 49/],
		["ddim-50+tgate:2.5", /tgate: gateStep: .*tgate\[:STEP\]/],
		["ddim-50+tgate:0", /gateStep: at least 1;/],
		["ddim-1+tgate", /two evaluations or more/],
		["ddim-50+paper+tgate", /leave the key steps out/],
		["ddim-50+tgate+tome", /gives its accelerator twice/],
		["ddim-50+tome:0.9", /ratio: at most 0\.75;/],
		["ddim-50+tome:half", /ratio: .*NaN/],
		["ddim-50+tome:0.5:x", /seed: .*NaN/],
		["ddim-50+tome:0.5:1.5", /seed: /],
		["ddim-50+tome:0.5:1:2", /too many arguments.*tome\[:RATIO\[:SEED\]\]/],
		["ddim-50+adaptive", /threshold: .*adaptive:THRESHOLD/],
		["ddim-50+times:9/9", /timesteps must decrease/],
		["ddim-50+times:900/500", /2 times, but this run has 50 steps/],
		["ddim-9999", /steps are 1 to 1000/],
	])("%j is refused by name", (words, message) => {
		expect(() => parseMethods(words)).toThrow(message);
	});

	test("a file holds words and objects", () => {
		const file = JSON.stringify([
			"ddim-50",
			{ name: "mine", sampler: "ddim", steps: 10, keySteps: "0,3" },
		]);
		expect(parseMethodFile(file, "methods.json")).toMatchObject([
			{ name: "ddim-50" },
			{ name: "mine", reference: "ddim-10", keySteps: "0,3" },
		]);
		expect(() => parseMethodFile('[{"name":"x"}]', "methods.json")).toThrow(
			/methods.json: method 1: sampler/,
		);
		expect(() => parseMethodFile('["ddim-5","ddim-5"]', "m")).toThrow(/twice/);
	});
});

test("a guidance scale may be written in several ways, and its plain run is found", () => {
	const [plain, paper] = parseMethods(
		"ddim-50+guidance:7.0 ddim-50+guidance:7.0+paper",
	);
	expect([plain.reference, paper.reference]).toEqual([plain.name, plain.name]);
});

test("a name has bounds, and so has the folder of its images", () => {
	const keys = (count: number) =>
		`ddim-200+keys:${Array.from({ length: count }, (_, n) => n).join("/")}`;
	expect(() => parseMethod(keys(140))).toThrow(/at most 400 characters/);
	const folders = [keys(100), keys(99)].map((name) =>
		imagePath("out", parseMethod(name).name, 3).split(/[\\/]/).at(-2),
	);
	for (const folder of folders) expect(folder?.length).toBeLessThan(256);
	expect(folders[0]).not.toBe(folders[1]);
});
