import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { buildLpips } from "../../src/models/lpips.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import type { RunSettings } from "../../src/pipeline/runSettings.js";
import {
	plainPlan,
	planFromStates,
} from "../../src/propagation/keyStepPlan.js";
import type { NoiseInjection } from "../../src/propagation/noiseInjection.js";
import { parsePlanFile } from "../../src/propagation/planFile.js";
import { parseStepState } from "../../src/propagation/stepState.js";
import { createSampler } from "../../src/samplers/createSampler.js";
import { relativeError } from "../../src/tensor/relativeError.js";
import {
	type CalibrationPrompt,
	calibrationPrompts,
} from "../../src/tuning/runs/calibrationPrompt.js";
import { runToEnd } from "../../src/tuning/runs/endToEnd.js";
import { planCost } from "../../src/tuning/runs/planCost.js";
import { splitPrompts } from "../../src/tuning/runs/promptSplit.js";
import { parseTuningBudget } from "../../src/tuning/runs/tuningBudget.js";
import type { TuningState } from "../../src/tuning/runs/tuningState.js";
import {
	type PlainTables,
	plainTables,
} from "../../src/tuning/search/plainTables.js";
import { searchPlans } from "../../src/tuning/search/planSearch.js";
import { samplerSensitivity } from "../../src/tuning/search/samplerSensitivity.js";
import {
	segmentErrors,
	segmentIndex,
} from "../../src/tuning/search/segmentErrors.js";
import { tuneInjection } from "../../src/tuning/tuneInjection.js";
import { fdiff, fdiffDone } from "../cli/runProgram.js";
import { encodeSafetensors } from "../models/encodeSafetensors.js";
import { randomWeights } from "../models/randomWeights.js";

const tiny = join(import.meta.dirname, "..", "models", "tiny-sd");
const words = ["decoder", "nothing:1", "outer:2", "outer:2:kept"];
const states = words.map((word) => parseStepState(word, "test"));

describe("on the tiny model", () => {
	let pipeline: Pipeline;
	let settings: RunSettings;
	let prompt: CalibrationPrompt;
	let tables: PlainTables;
	let folder: string;
	const evaluations = 6;
	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), "fdiff-tune-"));
		pipeline = await loadPipeline(tiny, {
			threads: 1,
			optimization: "extended",
		});
		settings = pipeline.settings({
			prompt: "",
			sampler: "dpm-solver++",
			steps: evaluations,
			seed: 5n,
		});
		[prompt] = await calibrationPrompts(pipeline, settings, ["a red apple"]);
		tables = await plainTables(prompt, {
			unet: pipeline.unet,
			sampler: settings.sampler,
			states,
			window: 4,
		});
	});
	afterAll(async () => {
		await pipeline.release();
		await rm(folder, { recursive: true, force: true });
	});

	const run = (list: string[], order: 0 | 1 = 0) =>
		runToEnd(prompt, {
			pipeline,
			sampler: settings.sampler,
			plan: planFromStates(
				list.map((word) => parseStepState(word, "test")),
				evaluations,
				"test",
				{ order, over: "log-snr" },
			),
		});

	test("the tables' plain run is the pipeline's plain run", async () => {
		const { latents } = await run(new Array<string>(evaluations).fill("full"));
		expect(relativeError(tables.latents[evaluations], latents)).toBeLessThan(
			1e-5,
		);
	});

	for (const word of words.filter((own) => own !== "outer:2"))
		test(`where no network answers to an error, its estimate is exact: ${word}`, async () => {
			const final = (await run(new Array<string>(evaluations).fill("full")))
				.latents;
			// three key steps, then steps to the end that do not see the latents
			const plan = ["full", "full", "full", word, word, word];
			const truth = relativeError((await run(plan)).latents, final);
			const table = segmentErrors([tables], {
				sampler: settings.sampler,
				states,
				extrapolation: { order: 0, over: "log-snr" },
				reach: 4,
				sensitivity: samplerSensitivity(settings.sampler),
			});
			const s = words.indexOf(word);
			const estimate = Math.sqrt(table.errors[segmentIndex(table, 2, 1, s, 3)]);
			expect(estimate).toBeGreaterThan(1e-3);
			expect(estimate / truth).toBeCloseTo(1, 3);
		});

	test("extrapolated features are estimated from the predictions on the features themselves", async () => {
		// small steps: it is a statement about small changes
		const steps = 16;
		const { sampler } = pipeline.settings({
			prompt: "",
			sampler: "dpm-solver++",
			steps,
		});
		const { unet } = pipeline;
		const own = await plainTables(prompt, {
			unet,
			sampler,
			states: [states[0]],
			window: 2,
		});
		const list = Array.from({ length: steps }, (_, i) =>
			parseStepState(i === steps - 1 ? "decoder" : "full", "test"),
		);
		const errors = async (order: 0 | 1) => {
			const extrapolation = { order, over: "timestep" } as const;
			const { latents } = await runToEnd(prompt, {
				pipeline,
				sampler,
				plan: planFromStates(list, steps, "test", extrapolation),
			});
			const table = segmentErrors([own], {
				sampler,
				states: [states[0]],
				extrapolation,
				reach: 2,
				sensitivity: samplerSensitivity(sampler),
			});
			return {
				truth: relativeError(latents, own.latents[steps]),
				estimate: Math.sqrt(
					table.errors[segmentIndex(table, steps - 2, 1, 0, 1)],
				),
			};
		};
		const repeated = await errors(0);
		const extrapolated = await errors(1);
		expect(repeated.estimate / repeated.truth).toBeCloseTo(1, 2);
		expect(
			Math.abs(extrapolated.estimate / extrapolated.truth - 1),
		).toBeLessThan(0.35);
		expect(extrapolated.truth).toBeLessThan(0.5 * repeated.truth);
	});

	test("noise injection is chosen by its spectrum, none being one of the choices", async () => {
		const { best, tried } = await tuneInjection({
			pipeline,
			settings,
			prompts: ["a red apple"],
			plan: plainPlan(evaluations),
		});
		// the plain plan has the plain run's spectrum already
		expect(best).toEqual({ alpha: 0, until: 0 });
		expect(tried[0].distance).toBeCloseTo(0, 6);
		for (const { alpha, distance } of tried)
			if (alpha > 0) expect(distance).toBeGreaterThan(0.001);
		// any noise moves it away, so nothing stronger is tried
		expect(tried.map(({ alpha }) => alpha)).toEqual([0, 0.001, 0.001, 0.001]);
		expect(tried[0].error).toBeCloseTo(0, 6);
		for (const { alpha, error } of tried)
			if (alpha > 0) expect(error).toBeGreaterThan(1e-4);
	});

	test("with LPIPS weights plans are judged by latents and images, and scores of another objective are not taken over", async () => {
		const weights = join(folder, "lpips.safetensors");
		await writeFile(
			weights,
			encodeSafetensors(
				randomWeights(
					buildLpips("alex", null, { batch: 1, height: 128, width: 128 }),
				),
			),
		);
		const out = join(folder, "perceptual.json");
		const printed: string[] = [];
		const state = async () =>
			JSON.parse(
				await readFile(join(folder, "perceptual.state.json"), "utf8"),
			) as TuningState;
		const tune = async (more: string[]) => {
			const { stdout } = await fdiffDone(
				`tune --model ${tiny} --threads 1 --optimization extended --sampler ddim --steps 4 --cost flops --speedups 1.3 --budget 1.3x --calibration 2 --held-out 1 --table-prompts 0 --start ${join(folder, "start.json")} --trials 2 --comparisons few --tune-injection --quiet --out ${out}`
					.split(" ")
					.concat(["apple", "ramen", "cat"], more),
				folder,
			);
			printed.push(stdout);
		};
		await writeFile(
			join(folder, "start.json"),
			JSON.stringify({
				sampler: "ddim",
				steps: 4,
				states: ["full", "full", "nothing:1", "full"],
			}),
		);
		await tune([]);
		const latentsOnly = await state();
		await tune(["--lpips-weights", weights]);
		const both = await state();
		expect(both.key).not.toBe(latentsOnly.key);
		const plan = parsePlanFile(await readFile(out, "utf8"), out);
		const { objective, lpips } = plan.madeBy as {
			objective: { of: string; calibration: number };
			lpips: number;
		};
		expect(objective.of).toMatch(/^sqrt\(.* LPIPS alex [0-9a-f]{10}\)$/);
		expect(lpips).toBeGreaterThan(1e-6);
		// the geometric mean of the means over both calibration prompts, from their scores
		const runs = Object.entries(both.runs).filter(
			([key]) =>
				key.endsWith(
					`||${plan.states?.join()};${plan.extrapolation?.order};${plan.extrapolation?.over}`,
				) && /^[01]\|/.test(key),
		);
		expect(runs).toHaveLength(2);
		const mean = (values: number[]) => (values[0] + values[1]) / 2;
		const error = mean(runs.map(([, { error }]) => error));
		const distance = mean(runs.map(([, { lpips = Number.NaN }]) => lpips));
		expect(objective.calibration / Math.sqrt(error * distance)).toBeCloseTo(
			1,
			2,
		);
		expect(Math.abs(objective.calibration / error - 1)).toBeGreaterThan(0.1);
		const { injection } = JSON.parse(
			await readFile(join(folder, "perceptual.front.json"), "utf8"),
		);
		expect(injection[0]).toMatchObject({ alpha: 0, until: 0 });
		expect(injection.length).toBeGreaterThan(3);
		expect(injection.map(({ alpha }: NoiseInjection) => alpha)).toContain(
			plan.injectNoise,
		);
		expect(printed.at(0)).not.toContain("LPIPS");
		expect(printed.at(-1)).toMatch(/PSNR dB +LPIPS/);
	});

	test("fdiff tune finds a plan in its budget, resumes without running a network, and its plan is found again", async () => {
		const out = join(folder, "plan.json");
		const printed: string[] = [];
		const tune = async () => {
			const { stdout } = await fdiffDone(
				`tune --model ${tiny} --threads 1 --optimization extended --sampler ddim --steps 5 --cost flops --budget 1.5x --speedups 1.5,2 --calibration 1 --held-out 1 --table-prompts 1 --reach 3 --trials 3 --seed 2 --quiet --out ${out} --plans ${join(folder, "plans")}`
					.split(" ")
					.concat(["a red apple", "a bowl of ramen"]),
				folder,
			);
			printed.push(stdout);
		};
		await tune();
		const first = await readFile(out, "utf8");
		const state = JSON.parse(
			await readFile(join(folder, "plan.state.json"), "utf8"),
		);
		const started = Object.keys(state.runs).length;
		// whatever changes a run makes another search
		for (const option of [
			"clipSkip",
			"rng",
			"promptWeighting",
			"eta",
			"threads",
		])
			expect(state.key).toContain(`"${option}":`);
		// a second run takes every score from the state: were one wrong there, it would be wrong in the plan
		for (const run of Object.values<{ error: number }>(state.runs))
			run.error *= 2;
		await writeFile(join(folder, "plan.state.json"), JSON.stringify(state));
		await tune();
		const second = JSON.parse(await readFile(out, "utf8"));
		const plan = JSON.parse(first);
		expect(second.states).toEqual(plan.states);
		expect(second.madeBy.relativeError.heldOut).toBeCloseTo(
			2 * plan.madeBy.relativeError.heldOut,
			2,
		);
		expect(started).toBeGreaterThan(10);
		expect(plan.madeBy.speedup).toBeGreaterThanOrEqual(1.5);
		expect(plan.madeBy).toMatchObject({
			engine: "onnxruntime",
			precision: "float32",
		});
		expect(parsePlanFile(first, "plan.json").model).toBe(pipeline.hash);
		expect(printed.join("")).toContain("At the paper plan's speed");
		expect(printed.join("")).toContain("seconds measured end to end");
		for (const name of ["plan.front.svg", "plan.front-measured.svg"])
			expect(await readFile(join(folder, name), "utf8")).toMatch(/^<svg/);
	});
});

test.each([
	"--key-steps",
	"--inject-noise",
	"--batch-size",
	"--initial-noise",
	"--init-image",
	"--strength",
])("fdiff tune refuses %s, which it would ignore", async (flag) => {
	const { code, stderr } = await fdiff(
		["tune", "a", "b", "--out", "never.json", flag, "1"],
		tmpdir(),
	);
	expect(code).toBe(2);
	expect(stderr).toContain(`unknown option '${flag}'`);
});

for (const name of ["ddim", "dpm-solver", "dpm-solver++"] as const)
	test(`sensitivity of ${name} is the change of the final latents for a changed prediction`, () => {
		const sampler = createSampler({
			name,
			steps: 8,
			config: { clip_sample: false },
		});
		const noise = () => new Float32Array(1);
		const final = (changed: number, by: number) => {
			let latents: Float32Array = Float32Array.of(0.7);
			let state = sampler.start();
			for (let index = 0; index < 8; index++)
				({ state, latents } = sampler.step(state, {
					index,
					prediction: Float32Array.of(
						0.3 * index - 1 + (index === changed ? by : 0),
					),
					latents,
					noise,
				}));
			return latents[0];
		};
		const sensitivity = samplerSensitivity(sampler);
		for (let index = 0; index < 8; index++)
			expect(sensitivity[index]).toBeCloseTo(
				final(index, 1) - final(index, 0),
				3,
			);
	});

test("local search stays in its budget, judges no plan twice and keeps the best", async () => {
	const costs = {
		unit: "flops",
		costs: new Map([
			["full", 3],
			["decoder", 1],
			["nothing:0", 0],
		]),
	} as const;
	const own = ["decoder", "nothing:0"].map((word) =>
		parseStepState(word, "test"),
	);
	const judged: string[] = [];
	// full steps at the end are worth most
	const worth = (list: readonly { run: string }[]) =>
		list.reduce((sum, { run }, i) => sum - (run === "full" ? i : 0), 100);
	const best = await searchPlans({
		starts: [
			planFromStates(
				["full", "full", "full", "decoder", "decoder", "decoder"].map((word) =>
					parseStepState(word, "test"),
				),
				6,
				"start",
			),
		],
		states: own,
		extrapolations: [{ order: 0, over: "timestep" }],
		costs,
		budget: 12,
		trials: 300,
		seed: 1,
		judge: async (plan) => {
			expect(planCost(plan, costs)).toBeLessThanOrEqual(12);
			judged.push(JSON.stringify(plan.states));
			return worth(plan.states);
		},
	});
	expect(new Set(judged).size).toBe(judged.length);
	expect(best?.error).toBe(worth(best?.plan.states ?? []));
	// of 12 units three go to step 0: the last three steps can be full
	expect(best?.error).toBe(100 - 5 - 4 - 3);
});

test("budgets in words", () => {
	expect(parseTuningBudget("1.5x")).toEqual({ kind: "speedup", times: 1.5 });
	expect(parseTuningBudget("0.6s")).toEqual({ kind: "seconds", seconds: 0.6 });
	expect(parseTuningBudget("2TFLOP")).toEqual({ kind: "flops", flops: 2e12 });
	for (const wrong of ["", "x", "0x", "0.5x", "fast", "1.5", "-1s"])
		expect(() => parseTuningBudget(wrong)).toThrow(UserError);
});

test("prompts to tune on and to check with do not overlap, and too few are refused", () => {
	const prompts = Array.from({ length: 30 }, (_, n) => `prompt ${n % 20}`);
	const split = splitPrompts(prompts, { calibration: 5, heldOut: 15 }, 3);
	expect(new Set([...split.calibration, ...split.heldOut]).size).toBe(20);
	expect(splitPrompts(prompts, { calibration: 5, heldOut: 15 }, 3)).toEqual(
		split,
	);
	expect(() =>
		splitPrompts(prompts, { calibration: 6, heldOut: 15 }, 3),
	).toThrow(UserError);
});
