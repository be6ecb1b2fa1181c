import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
	type KeySteps,
	planWords,
	readKeySteps,
} from "../../src/accelerators/planWords.js";
import {
	type RunToPlan,
	resolvePlan,
} from "../../src/accelerators/resolvePlan.js";
import { OptionError } from "../../src/errors/optionError.js";
import {
	imageParameters,
	optionsFromParameters,
} from "../../src/pipeline/imageParameters.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import type { Pipeline } from "../../src/pipeline/pipeline.js";
import { findPlanIn } from "../../src/propagation/nodeFindTunedPlan.js";
import type { PlanQuality } from "../../src/propagation/planQuality.js";
import { FULL, stepStateWord } from "../../src/propagation/stepState.js";
import { createSampler } from "../../src/samplers/createSampler.js";
import { tinySd } from "../pipeline/tinyModels.js";

const run: RunToPlan = {
	sampler: "ddim",
	steps: 6,
	guidanceScale: 5,
	skipCount: 12,
	createSampler: (times) => createSampler({ name: "ddim", steps: 6, times }),
};
const resolve = (keySteps: KeySteps, more: Partial<RunToPlan> = {}) =>
	resolvePlan(readKeySteps(keySteps), { ...run, ...more });
const words = (keySteps: KeySteps) => resolve(keySteps).plan.label;
const states = (keySteps: KeySteps, more?: Partial<RunToPlan>) =>
	resolve(keySteps, more).plan.states.map(stepStateWord).join(" ");

describe("plans", () => {
	test("are words, numbers, a file's content or a plan", () => {
		const expected = "full full decoder full decoder decoder";
		expect(states("0,1,3")).toBe(expected);
		expect(states([0, 1, 3])).toBe(expected);
		expect(states({ steps: 6, keySteps: [0, 1, 3] })).toBe(expected);
		expect(states(resolve("0,1,3").plan)).toBe(expected);
		expect(words({ steps: 6, keySteps: [0, 1, 3] })).toBe("0,1,3");
	});

	test("of a file may call their sampler by another name", () => {
		expect(states({ sampler: "DDIM", steps: 6, keySteps: [0] })).toContain(
			"full decoder",
		);
		expect(() =>
			states({ sampler: "Euler a", steps: 6, keySteps: [0] }),
		).toThrow("this plan file is for the sampler euler-a, not ddim");
	});

	test("that were tuned are looked up by model, sampler, steps and guidance", () => {
		const asked: unknown[] = [];
		const tuned = {
			steps: 6,
			states: ["full", "nothing:1", "full", "outer:2", "decoder", "full"],
			extrapolation: { order: 1 as const, over: "log-snr" as const },
			injectNoise: 0.0025,
			injectUntil: 0.125,
		};
		const { plan } = resolve("auto+tome:0.25", {
			model: { hash: "0123456789", label: "mine" },
			findPlan(wanted) {
				asked.push(wanted);
				return tuned;
			},
		});
		const wanted = {
			model: "0123456789",
			sampler: "ddim",
			steps: 6,
			guidanceScale: 5,
		};
		expect(asked).toEqual([{ ...wanted, quality: "high" }]);
		expect(plan).toMatchObject({ injectNoise: 0.0025, injectUntil: 0.125 });
		expect(plan.label).toBe(
			"full,nothing:1,full,outer:2,decoder,full@1:log-snr+tome:0.25:0",
		);
		// the words say the quality before the option does
		const findPlan: RunToPlan["findPlan"] = (own) => void asked.push(own);
		const model = { hash: "0123456789", label: "mine" };
		resolve("auto", { model, findPlan, quality: "balanced" });
		resolve("auto:fast", { model, findPlan, quality: "balanced" });
		expect(asked.slice(1)).toEqual([
			{ ...wanted, quality: "balanced" },
			{ ...wanted, quality: "fast" },
		]);
	});

	test("are plain sampling where none was tuned, or the run is not of the kind that plans are tuned for", () => {
		expect(resolve("auto")).toMatchObject({
			plan: { label: "all" },
			chosen: { kind: "plain" },
		});
		const model = { hash: "0123456789", label: "mine" };
		const findPlan = () => {
			throw new Error("no plan is to be looked for");
		};
		expect(
			resolve("auto", { model, findPlan, tunable: false }).plan.label,
		).toBe("all");
		const grid = "times:999/800/600/400/200/0";
		expect(resolve(`auto+${grid}`, { model, findPlan }).plan.label).toBe(
			`all+${grid}`,
		);
		expect(resolve("paper").chosen).toBeUndefined();
	});

	test("may have fewer steps than the run that they take the place of", () => {
		const tuned = {
			sampler: "ddim",
			steps: 3,
			standsFor: 6,
			states: ["full", "full", "full"],
			times: [999, 500.5, 20],
			quality: "high" as const,
		};
		const { plan, sampler, chosen } = resolve("auto", {
			model: { hash: "0123456789", label: "mine" },
			findPlan: () => tuned,
			createSampler: (times) => createSampler({ name: "ddim", times }),
		});
		expect(sampler.timesteps).toEqual(tuned.times);
		expect(plan.label).toBe("all+times:999/500.5/20");
		expect(chosen).toEqual({ kind: "tuned", quality: "high", standsFor: 6 });
		// given as a file it is for either number of steps, and no other
		for (const steps of [3, 6]) {
			const file = resolve(tuned, {
				steps,
				createSampler: (times) => createSampler({ name: "ddim", times }),
			});
			expect(file.plan.states).toHaveLength(3);
			expect(file.standsFor).toBe(6);
		}
		expect(resolve("paper").standsFor).toBeUndefined();
		expect(() => resolve(tuned, { steps: 5 })).toThrow(
			/3 times, but this run has 5 steps/,
		);
	});

	test("of files are found by quality: the one asked for, else the next better one, never a worse one", async () => {
		const folder = await mkdtemp(join(tmpdir(), "plans-"));
		const write = (name: string, more: object) =>
			writeFile(
				join(folder, name),
				JSON.stringify({
					sampler: "ddim",
					steps: 2,
					standsFor: 6,
					states: ["full", "full"],
					times: [999, 400],
					model: "0123456789",
					guidanceScale: 5,
					...more,
				}),
			);
		await write("a.json", {});
		await write("b.json", { quality: "fast", times: [999, 300] });
		await write("c.json", { quality: "high", times: [999, 500] });
		await writeFile(join(folder, "d.json"), "{");
		const find = findPlanIn([join(folder, "none"), folder]);
		const wanted = {
			model: "0123456789",
			sampler: "ddim",
			steps: 6,
			guidanceScale: 5,
		};
		const times = (quality: PlanQuality) => find({ ...wanted, quality })?.times;
		expect(times("high")).toEqual([999, 500]);
		expect(times("balanced")).toEqual([999, 500]);
		expect(times("fast")).toEqual([999, 300]);
		await rm(join(folder, "c.json"));
		expect(times("high")).toBeUndefined();
		for (const other of [
			{ model: "0000000000" },
			{ sampler: "euler" },
			{ steps: 2 },
			{ guidanceScale: 7.5 },
		])
			expect(find({ ...wanted, ...other, quality: "fast" })).toBeUndefined();
		await rm(folder, { recursive: true });
	});

	test("may bring the sampler's grid, as timesteps or log-SNR, in words, files and objects", () => {
		const grid = [999, 700.5, 400, 200.25, 100, 0];
		for (const asked of [
			`0,2+times:${grid.join("/")}`,
			{ steps: 6, keySteps: [0, 2], times: grid },
			{ ...resolve("0,2").plan, times: grid },
		]) {
			const { plan, sampler } = resolve(asked);
			expect(sampler.timesteps).toEqual(grid);
			expect(plan.label).toBe(`0,2+times:${grid.join("/")}`);
			// the number of steps that a run has where it does not say one itself
			expect(readKeySteps(plan.label).steps).toBe(6);
		}
		const logSnr = [-5, -3, -1, 0.5, 2, 4];
		const { plan, sampler } = resolve({
			steps: 6,
			keySteps: [0],
			times: { logSnr },
		});
		expect(sampler.sigmas.map((sigma) => -2 * Math.log(sigma))).toEqual(
			logSnr.map((value) => expect.closeTo(value, 4)),
		);
		expect(plan.label).toBe(`0+log-snr:${logSnr.join("/")}`);
		expect(resolve(plan.label).plan).toEqual(plan);
	});

	test("say with their own label only what they are", () => {
		const plan = resolve("paper").plan;
		expect(words(plan)).toBe("paper");
		expect(words({ ...plan, states: plan.states.with(5, FULL) })).not.toContain(
			"paper",
		);
	});

	test.each<[string, unknown, RegExp]>([
		[
			"no plan",
			"often",
			/"often" is no plan; use auto, all, paper, .*tgate.*tome.* or a plan file/,
		],
		["nothing", "", /"" is no plan/],
		["two plans", "paper+all", /gives its states twice/],
		["two accelerators", "tome+ucache", /gives its accelerator twice/],
		["an unknown argument", "tome:0.5:0:1", /too many arguments/],
		["a fractional key step", [0, 1.5], /1.5/],
		["no key steps", [], /no plan/],
		["a key step out of range", [0, 6], /key step 6 is out of range/],
		["a plan that is empty", { label: "x", states: [] }, /not a plan: states/],
		[
			"a plan that does not begin with a full step",
			{
				label: "x",
				states: [{ run: "decoder" }],
				extrapolation: { order: 0, over: "timestep" },
			},
			/the first step must be full/,
		],
		[
			"a state that is none",
			{
				label: "x",
				states: [{ run: "ful" }],
				extrapolation: { order: 0, over: "timestep" },
			},
			/not a plan: states: 0: run/,
		],
		[
			"a plan of too few states",
			{
				label: "x",
				states: [FULL],
				extrapolation: { order: 0, over: "timestep" },
			},
			/for 1 network evaluations, but the run has 6/,
		],
		["a file of other steps", { steps: 5, keySteps: [0] }, /for 5 steps/],
		["a file without steps", { keySteps: [0] }, /not a plan/],
		["null", null, /not a plan/],
		["a number", 7, /not a plan/],
		[
			"an accelerator that is none",
			{
				label: "x",
				states: new Array(6).fill(FULL),
				extrapolation: { order: 0, over: "timestep" },
				accelerator: { kind: "turbo" },
			},
			/there is no accelerator turbo/,
		],
		["more up layers than there are", "deepcache:2:40", /outer:40.*12/],
		["kept ones too", `full,${"outer:13:kept,".repeat(4)}full`, /outer:13/],
		["an accelerator with key steps", "0,2+easycache", /leave the key steps/],
		["times in disorder", "times:9/5/6/4/3/1", /timesteps must decrease/],
		["times that repeat", "times:9/5/5/4/3/1", /timesteps must decrease/],
		["times that are none", "times:9/5/x/4/3/1", /"x" is no training timestep/],
		["times below 0", "times:9/5/4/3/1/-1", /"-1" is no training timestep/],
		["too few times", "times:9/5", /2 times, but this run has 6 steps/],
		["log-SNR that falls", "log-snr:1/0/2/3/4/5", /must increase/],
		[
			"a file with too few times",
			{ steps: 6, keySteps: [0], times: [9, 5] },
			/times: there must be as many times as steps/,
		],
		[
			"a file whose times do not decrease",
			{ steps: 2, keySteps: [0], times: [5, 9] },
			/times: /,
		],
		[
			"times beyond the model's",
			"times:1000/500/400/300/200/100",
			/times: 1000 is no timestep of this model/,
		],
	])("are refused: %s", (_, keySteps, message) => {
		expect(() => resolve(keySteps as KeySteps)).toThrow(OptionError);
		expect(() => resolve(keySteps as KeySteps)).toThrow(message);
	});

	test("are said in words that are read as these very plans", () => {
		const state = fc.constantFrom(
			"full",
			"decoder",
			"outer:2",
			"outer:1:kept",
			"nothing:2",
			"nothing:1:denoised",
		);
		// far enough apart for their noise levels to differ as float32
		const times = fc
			.array(fc.double({ min: 0.01, max: 100, noNaN: true }), {
				minLength: 6,
				maxLength: 6,
			})
			.map(
				(gaps) =>
					`times:${gaps.map((_, n) => gaps.slice(n).reduce((a, b) => a + b)).join("/")}`,
			);
		const plan = fc.oneof(
			fc.constantFrom("paper", "all", "uniform:2", "deepcache:3:2"),
			fc
				.array(state, { minLength: 5, maxLength: 5 })
				.map((rest) => `full,${rest.join()}@2:log-snr`),
		);
		const accelerator = fc.oneof(
			fc.double({ min: 0, max: 0.75, noNaN: true }).map((x) => `tome:${x}:9`),
			fc.constant("tome"),
		);
		fc.assert(
			fc.property(
				plan,
				fc.option(accelerator),
				fc.option(times),
				(...parts) => {
					const written = parts.filter((part) => part !== null).join("+");
					const once = resolve(written).plan;
					const again = resolve(once.label).plan;
					expect(again).toEqual(once);
					expect(planWords({ ...once, label: "a file" })).toBe(
						resolve({ ...once, label: "a file" }).plan.label,
					);
				},
			),
		);
		for (const alone of [
			"ucache:1",
			"easycache:0.1",
			"adaptive:0.25",
			"tgate",
			"tgate:3",
			"cfg-cutoff:0.5",
		])
			expect(words(alone)).toBe(alone);
		expect(words("ucache")).toBe("ucache:1");
	});

	test("say what predictions are extrapolated over, where they are", () => {
		const extrapolating = "full,full,nothing:1,full,nothing:1:denoised,full";
		const { plan } = resolve({
			steps: 6,
			states: extrapolating.split(","),
			extrapolation: { order: 0, over: "log-snr" },
		});
		expect(plan.label).toBe(`${extrapolating}@0:log-snr`);
		expect(resolve(plan.label).plan).toEqual(plan);
		expect(words(`${extrapolating}@0:timestep`)).toBe(extrapolating);
		expect(words("full,full,nothing:0,full,full,full@0:log-snr")).not.toContain(
			"@",
		);
	});
});

describe("a pipeline", () => {
	let pipeline: Pipeline;
	beforeAll(async () => {
		pipeline = await loadPipeline(tinySd, { threads: 1 });
	});
	afterAll(() => pipeline.release());
	const small = {
		prompt: "a red apple",
		seed: 3,
		width: 64,
		height: 64,
		sampler: "ddim",
		steps: 6,
	};

	test.each<[KeySteps]>([
		["adaptive:0.2"],
		["paper+tome:0.5:7"],
		["tgate:3"],
		["ucache:0.4"],
		["easycache:0.2"],
		["0,2+cfg-cutoff:0.4"],
		["deepcache:2:2"],
		[[0, 3]],
		["times:990/700.5/400/200.25/100/3"],
		["tome+log-snr:-5/-3/-1/0.5/2/4+uniform:2"],
		[
			{
				steps: 6,
				states: ["full", "decoder", "full", "outer:2:kept", "full", "decoder"],
				extrapolation: { order: 1, over: "log-snr" },
				injectNoise: 0.0123456789,
				injectUntil: 0.7654321,
			},
		],
	])("draws %j again from what the picture says", async (keySteps) => {
		const [first] = await pipeline.generate({ ...small, keySteps });
		const { options } = optionsFromParameters(imageParameters(first, pipeline));
		const [again] = await pipeline.generate(options);
		expect(again.latents.data).toEqual(first.latents.data);
		expect(again.cost.flops).toBe(first.cost.flops);
		expect(imageParameters(again, pipeline)).toBe(
			imageParameters(first, pipeline),
		);
	});

	test("injects noise by default where encoder features are reused, and nowhere else", () => {
		const alpha = (keySteps: string) =>
			pipeline.settings({ ...small, keySteps }).injection.alpha;
		for (const propagating of [
			"paper",
			"0,2+tome",
			"full,full,outer:1:kept,full,full,full",
		])
			expect(alpha(propagating)).toBe(0.003);
		for (const other of [
			"all",
			"tome",
			"tgate",
			"ucache",
			"easycache",
			"adaptive:0.1",
			"cfg-cutoff",
			"deepcache:2:1",
			"full,nothing:1,full,full,full,full",
		])
			expect(alpha(other)).toBe(0);
	});

	test("refuses more up layers than its UNet has before anything is loaded", async () => {
		await expect(
			pipeline.generate({ ...small, keySteps: "deepcache:2:40" }),
		).rejects.toThrow(
			/keySteps: outer:40: this model's UNet has \d+ up layers/,
		);
	});

	test("finds plans beside a Hub model's snapshot, and beside a folder from anywhere", async () => {
		const folder = await mkdtemp(join(tmpdir(), "plans-"));
		const commit = "0123456789abcdef0123456789abcdef01234567";
		const repo = join(folder, "models--someone--tiny");
		const snapshot = join(repo, "snapshots", commit);
		try {
			await mkdir(join(repo, "refs"), { recursive: true });
			await writeFile(join(repo, "refs", "main"), commit);
			await cp(tinySd, snapshot, { recursive: true });
			await mkdir(join(snapshot, "plans"));
			await writeFile(
				join(snapshot, "plans", "a.json"),
				JSON.stringify({
					sampler: "DDIM",
					steps: 6,
					states: ["full", "outer:1", "decoder", "full", "full", "nothing:0"],
					injectNoise: 0,
					quality: "high",
					model: pipeline.hash,
					guidanceScale: 7.5,
				}),
			);
			vi.stubEnv("HF_HUB_CACHE", folder);
			vi.stubEnv("HF_HUB_OFFLINE", "1");
			for (const name of ["someone/tiny", snapshot]) {
				const model = await loadPipeline(name, { threads: 1 });
				// its own size
				const { width: _, height: __, ...asked } = small;
				const { plan } = model.settings(asked);
				expect(plan.label).toBe("full,outer:1,decoder,full,full,nothing:0");
				// plans are tuned for text to pictures by the model as it is, at its own size
				for (const other of [
					{ steps: 7 },
					{ width: 2 * model.settings(asked).width },
					{ schedule: "even" as const },
					{ eta: 0.5 },
					{ clipSkip: 1 },
					{ guidanceScale: 2 },
					{ schedulerConfig: { timestep_spacing: "trailing" as const } },
				])
					expect(model.settings({ ...asked, ...other })).toMatchObject({
						plan: { label: "all" },
						chosenPlan: { kind: "plain" },
					});
			}
		} finally {
			vi.unstubAllEnvs();
			await rm(folder, { recursive: true });
		}
	});
});
