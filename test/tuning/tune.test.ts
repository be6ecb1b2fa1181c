import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { loadPipeline } from "../../src/pipeline/nodeLoadPipeline.js";
import { plainPlan } from "../../src/propagation/keyStepPlan.js";
import { findPlanIn } from "../../src/propagation/nodeFindTunedPlan.js";
import { parsePlanFile } from "../../src/propagation/planFile.js";
import { qualityOf } from "../../src/propagation/planQuality.js";
import { parseKeySteps } from "../../src/propagation/planStates.js";
import { choosePlans } from "../../src/tuning/front/choosePlans.js";
import type { FrontPoint } from "../../src/tuning/front/frontPoint.js";
import { frontFigures } from "../../src/tuning/front/heldOut.js";
import { splitPrompts } from "../../src/tuning/runs/promptSplit.js";
import { tunePlans, usualCalls } from "../../src/tuning/tunePlans.js";
import { fdiffDone, manyRuns } from "../cli/runProgram.js";
import { tinySd } from "../pipeline/tinyModels.js";

const run = manyRuns();
let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "fdiff-tune-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("fdiff tune finds plans, resumes without a network, and what it wrote is drawn with and found again", async () => {
	const out = join(folder, "plan.json");
	const plans = join(folder, "plans");
	const tune = () =>
		fdiffDone(
			`tune --model ${tinySd} --threads 1 --optimization extended --sampler ddim --steps 6 --calls 3 --calibration 3 --held-out 2 --candidates 12 --trials 4 --seed 2 --quality fast --beside adaptive:0.1 --quiet --out ${out} --plans ${plans}`
				.split(" ")
				.concat(["apple", "ramen", "cat", "tea", "hat"]),
			folder,
		);
	const first = await tune();
	expect(first.stdout).toMatch(/plan +calls +error/);
	expect(first.stdout).toMatch(/adaptive:0\.1 +\d/);
	expect(first.stdout).toMatch(
		/With 3 calls the tuned plan errs \d\.\d\d times/,
	);
	const plan = parsePlanFile(await readFile(out, "utf8"), out);
	expect(plan).toMatchObject({
		sampler: "ddim",
		standsFor: 6,
		madeBy: { engine: "onnxruntime", precision: "float32" },
	});
	expect(plan.states?.filter((state) => state === "full")).toHaveLength(3);
	expect(plan.times).toHaveLength(plan.steps);
	expect(await readFile(join(folder, "plan.front.svg"), "utf8")).toMatch(
		/^<svg/,
	);

	// a second run takes every score from the state: were one wrong there, it would be wrong in the plan
	const statePath = join(folder, "plan.state.json");
	const state = JSON.parse(await readFile(statePath, "utf8"));
	for (const option of ["clipSkip", "rng", "promptWeighting", "eta", "threads"])
		expect(state.key).toContain(`"${option}":`);
	for (const score of Object.values<{ error: number }>(state.scores))
		score.error *= 2;
	await writeFile(statePath, JSON.stringify(state));
	await tune();
	const again = JSON.parse(await readFile(out, "utf8"));
	expect(again.times).toEqual(plan.times);
	const { heldOut } = plan.madeBy as { heldOut: { error: { mean: number } } };
	expect(again.madeBy.heldOut.error.mean / heldOut.error.mean).toBeCloseTo(
		2,
		2,
	);

	const draw = (...more: string[]) =>
		fdiffDone(
			`apple --model ${tinySd} --sampler ddim --seed 1 --json --threads 1`
				.split(" ")
				.concat(more),
			folder,
		);
	for (const steps of [[], ["--steps", "6"]]) {
		const { stdout } = await draw("--key-steps", out, ...steps);
		expect(JSON.parse(stdout)).toMatchObject({
			encoderRuns: 3,
			evaluations: plan.steps,
		});
	}
	const found = findPlanIn([plans])({
		model: plan.model ?? "",
		sampler: "ddim",
		steps: 6,
		guidanceScale: 7.5,
		quality: "fast",
	});
	expect(found === undefined).toBe(plan.quality === undefined);
	if (found) expect(found.standsFor).toBe(6);
}, 60_000);

test("held-out prompts are drawn by the judge, and by nothing else", async () => {
	const open = () =>
		loadPipeline(tinySd, { engine: "onnxruntime", threads: 1 });
	const decoded = { searching: 0, judging: 0 };
	let released = 0;
	const pipeline = await open();
	const points = await tunePlans({
		pipeline: {
			...pipeline,
			decode(...asked) {
				decoded.searching++;
				return pipeline.decode(...asked);
			},
		},
		openJudge: async () => {
			const judge = await open();
			return {
				...judge,
				decode(...asked) {
					decoded.judging++;
					return judge.decode(...asked);
				},
				release() {
					released++;
					return judge.release();
				},
			};
		},
		options: { sampler: "ddim", steps: 4, width: 64, height: 64 },
		calibration: ["apple", "cat"],
		heldOut: ["tea"],
		calls: [2],
		beside: [],
		target: "plain",
		candidates: 5,
		trials: 1,
		minutes: 1,
		state: { key: "", found: {}, improved: {}, scores: {} },
		save: async () => {},
	});
	await pipeline.release();
	expect(points.length).toBeGreaterThan(2);
	expect(decoded.searching).toBe(0);
	expect(decoded.judging).toBeGreaterThan(points.length - 1);
	expect(released).toBe(1);
});

test.each<[string, object, RegExp]>([
	[
		"times that do not decrease",
		{ times: [999, 500, 500, 100] },
		/times is .*: timesteps must decrease/,
	],
	[
		"too few times",
		{ times: [999, 500, 100] },
		/there must be as many times as steps/,
	],
	["negative times", { times: [999, 500, 100, -1] }, /times/],
	[
		"another sampler",
		{ sampler: "euler" },
		/is for the sampler euler, not ddim/,
	],
	[
		"more states than steps",
		{ states: ["full", "full", "full", "full", "full"] },
		/5/,
	],
	[
		"times beyond the model's",
		{ times: [1200, 500, 100, 5] },
		/1200 is no timestep of this model/,
	],
	[
		"another model",
		{ model: "0123456789" },
		/for the model 0123456789, not for/,
	],
])(
	"a plan with %s is refused in one line before a network is loaded",
	async (_, more, words) => {
		const file = join(folder, "bad.json");
		await writeFile(
			file,
			JSON.stringify({
				sampler: "ddim",
				steps: 4,
				states: ["full", "full", "full", "full"],
				...more,
			}),
		);
		const { code, stdout, stderr } = await run(
			`apple --model ${tinySd} --sampler ddim --steps 4 --key-steps ${file}`.split(
				" ",
			),
			folder,
		);
		expect(code).toBe(2);
		expect(stdout).toBe("");
		expect(stderr).toMatch(words);
		expect(stderr.trim().split("\n")).toHaveLength(1);
	},
);

test.each([
	["--key-steps"],
	["--inject-noise"],
	["--schedule"],
	["--batch-size"],
	["--initial-noise"],
	["--init-image"],
	["--strength"],
])("fdiff tune refuses %s, which it would ignore", async (flag) => {
	const { code, stderr } = await run(
		["tune", "a", "b", "--out", "never.json", flag, "1"],
		folder,
	);
	expect(code).toBe(2);
	expect(stderr).toContain(`unknown option '${flag}'`);
});

test.each([
	["--calls 1", /calls: 1 is not between 2 and 200/],
	["--calls 3,many", /calls: many is not between 2 and 200/],
	[
		"--calls 4",
		/calls: 4 network calls are no fewer than the 4 of the plain run/,
	],
	[
		"--beside papr",
		/^fdiff: --beside: "papr" is no plan; use auto, all, paper/,
	],
	["--calibration 1", /calibration: 1 is not between 2 and 1000/],
	["--sampler euler-a", /sampler: euler-a adds fresh noise at every step/],
	["--sampler heun", /sampler: heun does not call the network once a step/],
])("fdiff tune refuses %s", async (flags, words) => {
	const { code, stderr } = await run(
		`tune a b c --model ${tinySd} --steps 4 --calls 3 --calibration 2 --held-out 1 --quiet --out never.json ${flags}`.split(
			" ",
		),
		folder,
	);
	expect(stderr).toMatch(words);
	expect(code).toBe(2);
});

test.each([
	["--out .", /^fdiff: --out \. cannot be written: it is a folder/],
	["--out kept/", /^fdiff: --out kept\/ cannot be written: it is a folder/],
	["--state .", /^fdiff: --state \. cannot be written: it is a folder/],
	["--plans /proc/plans", /^fdiff: --plans \/proc\/plans cannot be written/],
])(
	"fdiff tune finds before it searches that %s cannot be written",
	async (flags, words) => {
		const { code, stderr } = await run(
			`tune a b c --model none --calibration 2 --held-out 1 --out never.json ${flags}`.split(
				" ",
			),
			folder,
		);
		expect(stderr).toMatch(words);
		expect(code).toBe(1);
	},
);

test("each quality takes the plan with the fewest calls, a simple grid where that is better than what was found", () => {
	const point = (
		series: string,
		calls: number,
		logError: number,
		median: number,
		tenth: number,
	): FrontPoint => ({
		...frontFigures([{ error: 0.1, psnr: 30, seconds: 1, flops: 1 }]),
		series,
		calls,
		logError,
		psnr: { median, tenth },
		plan: series === "paper" ? parseKeySteps("paper", 20) : plainPlan(calls),
	});
	const points = [
		point("tuned", 5, -1, 27, 19),
		point("tuned", 7, -2, 33, 23),
		point("tuned", 8, -2.1, 40, 31),
		point("even", 8, -2.5, 41, 32),
		point("tuned", 10, -3, 42, 31),
		point("tuned", 12, -4, 50, 40),
		point("paper", 4, -9, 60, 50),
	];
	const calls = (quality: "high" | "balanced" | "fast", of = points) =>
		choosePlans(of).get(quality)?.calls;
	expect([calls("high"), calls("balanced"), calls("fast")]).toEqual([8, 7, 5]);
	expect(choosePlans(points).get("high")?.series).toBe("even");
	expect(calls("high", points.slice(0, 3))).toBe(8);
	expect(calls("high", points.slice(0, 2))).toBeUndefined();
	// what is there for a better quality is there for a worse one
	expect(calls("fast", points.slice(4, 6))).toBe(10);
	expect(qualityOf({ median: 50, tenth: 29 })).toBe("balanced");
	expect(qualityOf({ median: 20, tenth: 19 })).toBeUndefined();
});

test("figures of scores: quantiles, the worst tenth, logarithms that one bad picture does not decide", () => {
	const scores = Array.from({ length: 20 }, (_, n) => ({
		error: n === 0 ? 1 : 0.01,
		psnr: 20 + n,
		seconds: 1,
		flops: 1,
	}));
	const figures = frontFigures(scores);
	expect(figures.error.estimate).toBeCloseTo(0.0595, 6);
	expect(figures.medianError).toBe(0.01);
	expect(figures.worstError).toBeCloseTo(0.505, 6);
	expect(Math.exp(figures.logError)).toBeCloseTo(0.01259, 4);
	expect(figures.psnr.median).toBeCloseTo(29.5, 6);
	expect(figures.psnr.tenth).toBeCloseTo(21.9, 6);
});

test("numbers of calls that are looked for", () => {
	expect(usualCalls(20)).toEqual([13, 11, 10, 8, 7, 5, 4]);
	expect(usualCalls(2)).toEqual([]);
});

test("a run that is too short for fewer calls is refused in words", async () => {
	const { code, stderr } = await run(
		`tune a b c --model ${tinySd} --steps 2 --calibration 2 --held-out 1 --quiet --out never.json`.split(
			" ",
		),
		folder,
	);
	expect(stderr).toMatch(/calls: none are given, and a plain run of 2 steps/);
	expect(code).toBe(2);
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
	// the same to the tokenizer: on either side it would be known from the other
	const same = ["A cat", "a dog", "a  cat", "A Dog"];
	const { calibration, heldOut } = splitPrompts(
		same,
		{ calibration: 1, heldOut: 1 },
		3,
	);
	expect([...calibration, ...heldOut].sort()).toEqual(["A cat", "a dog"]);
});
