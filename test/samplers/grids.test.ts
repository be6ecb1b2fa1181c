import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors/optionError.js";
import { samplerConfig } from "../../src/samplers/config/samplerConfig.js";
import type { SamplerConfig } from "../../src/samplers/config/schedulerConfig.js";
import { createSampler } from "../../src/samplers/createSampler.js";
import {
	SAMPLER_NAMES,
	type Sampler,
	type SamplerName,
} from "../../src/samplers/sampler.js";
import {
	evaluationCount,
	usualSteps,
} from "../../src/samplers/samplerSteps.js";
import { type Times, timeGrid } from "../../src/samplers/schedules/timeGrid.js";
import { readGolden, relativeError } from "../goldenFile.js";
import {
	countedNoise,
	fill,
	initialNoise,
	network,
} from "./referenceNetwork.js";

// Made by test/reference/sampler_grids.py.
interface Case {
	id: string;
	sampler: SamplerName;
	config: number;
	overrides: Partial<SamplerConfig>;
	steps?: number;
	times?: number[];
	sigmas?: number[];
	from?: number;
	eta?: number;
	stored: number[];
	draws: number;
}
const golden = readGolden("sampler_grids");
const { configs, cases } = JSON.parse(
	readFileSync(
		join(import.meta.dirname, "..", "golden", "sampler_grids.json"),
		"utf8",
	),
) as { configs: object[]; cases: Case[] };
const SD15 = configs[0];
const logSnr = (sigmas: readonly number[]) => ({
	logSnr: sigmas.map((sigma) => -2 * Math.log(sigma)),
});

/** The latents after every evaluation from `from` on. */
function run(
	sampler: Sampler,
	from = 0,
	begin: Float32Array = initialNoise(64).map((z) => z * sampler.initNoiseSigma),
) {
	const { draws, noise } = countedNoise(64);
	let latents = begin;
	let state = sampler.start();
	const rows: Float32Array[] = [];
	for (let index = from; index < sampler.timesteps.length; index++) {
		const input = sampler.scaleModelInput(latents, index);
		const prediction = network(input, sampler.timesteps[index]);
		({ state, latents } = sampler.step(state, {
			index,
			prediction,
			latents,
			noise,
		}));
		rows.push(latents);
	}
	return { rows, draws: draws() };
}
const final = (sampler: Sampler) => run(sampler).rows.at(-1)!;

describe("given timesteps and sigmas, late starts, TCD and few steps equal diffusers'", () => {
	it("covers what it is meant to cover", () => {
		expect(cases.filter(({ times }) => times).length).toBeGreaterThan(60);
		const late = cases.filter(({ from }) => from);
		expect(new Set(late.map(({ sampler }) => sampler)).size).toBe(17);
	});

	it.each(
		cases.map(({ id, sampler, config, stored, draws, ...rest }) => [
			`${id}: ${sampler} ${JSON.stringify(rest)}`,
			{ id, sampler, config, stored, draws, ...rest } as Case,
		]),
	)("%s", (_, test) => {
		const { id, from = 0, times, sigmas, steps, eta, overrides } = test as Case;
		const sampler = createSampler({
			name: (test as Case).sampler,
			steps,
			times: times ?? (sigmas && logSnr(sigmas)),
			config: configs[(test as Case).config],
			overrides,
			eta,
		});
		const timesteps = golden.get(`${id}.timesteps`)!.data;
		expect(sampler.timesteps.length - from).toBe(timesteps.length);
		for (const [i, t] of timesteps.entries())
			expect(Math.abs(sampler.timesteps[from + i] - t)).toBeLessThan(2e-4);
		const noised = golden.get(`${id}.noised`);
		let begin: Float32Array | undefined;
		if (noised) {
			const clean = fill(64, (i) => 0.8 * Math.sin(0.9 * i + 0.2));
			const noise = fill(64, (i) => 1.1 * Math.sin(2.3 * i + 1));
			begin = sampler.noised(clean, noise, from);
			expect(relativeError(begin, noised.data)).toBeLessThan(1e-6);
		}
		const { rows, draws } = run(sampler, from, begin);
		expect(draws).toBe((test as Case).draws);
		const expected = golden.get(`${id}.latents`)!.data;
		for (const [row, index] of (test as Case).stored.entries())
			expect(
				relativeError(rows[index], expected.subarray(row * 64, (row + 1) * 64)),
				`after evaluation ${from + index}`,
			).toBeLessThan(1e-5);
	});
});

describe("times", () => {
	/** The timesteps that steps begin at, of a sampler's evaluations. */
	const ownTimes = ({ timesteps, evaluationsPerStep }: Sampler) => [
		...new Set(timesteps.filter((_, i) => i % evaluationsPerStep === 0)),
	];

	it.each(SAMPLER_NAMES)(
		"%s draws the same on a grid that is its own",
		(name) => {
			// where DDIM and PNDM go down by their stride, they end up on the next timestep
			const overrides: Partial<SamplerConfig> =
				name === "ddim" || name === "pndm"
					? { timestep_spacing: "leading", steps_offset: 0 }
					: {};
			for (const steps of [1, 2, 4, 10]) {
				const own = createSampler({ name, steps, config: SD15, overrides });
				const times = ownTimes(own);
				const given = createSampler({ name, times, config: SD15, overrides });
				expect(given.timesteps).toEqual(own.timesteps);
				expect(relativeError(final(given), final(own))).toBeLessThan(1e-6);
			}
		},
	);

	it.each(SAMPLER_NAMES)(
		"%s draws the same by timesteps as by their log-SNR",
		(name) => {
			const config = samplerConfig(name);
			for (const times of [
				[999, 820, 600, 377, 150, 31],
				[998.75, 777.7, 500.5, 250.25, 60.5],
			]) {
				const { sigmas } = timeGrid(times, config);
				const byTime = createSampler({ name, times });
				const bySnr = createSampler({ name, times: logSnr(sigmas) });
				for (const [i, sigma] of bySnr.sigmas.entries())
					expect(sigma / byTime.sigmas[i]).toBeCloseTo(1, 4);
				expect(relativeError(final(bySnr), final(byTime))).toBeLessThan(1e-4);
			}
		},
	);

	it.each(SAMPLER_NAMES)("%s runs on any decreasing grid", (name) => {
		for (const times of [
			[0],
			[999],
			[999, 0],
			[500, 499.9, 499.8, 2, 1, 0],
			[999, 998, 997, 996, 995, 0.5, 0.25],
			Array.from({ length: 1000 }, (_, i) => 999 - i),
		]) {
			const sampler = createSampler({ name, times, config: SD15 });
			expect(final(sampler).every(Number.isFinite)).toBe(true);
			expect(sampler.timesteps[0]).toBe(times[0]);
		}
	});

	it.each<[string, unknown, RegExp]>([
		["times that rise", [500, 600], /600 after 500: .*descending/],
		["times twice", [500, 500], /descending/],
		["the same but for rounding", [500, 500 - 1e-9], /descending/],
		["beyond the last timestep", [1000, 5], /1000 is no timestep .*0 to 999/],
		["below 0", [10, -1], /-1 is no timestep/],
		["no numbers", [10, "5"], /value 2 is no finite number/],
		["NaN", [Number.NaN], /value 1/],
		["none", [], /times/],
		["no array", { 0: 5 }, /times/],
		["null", null, /times/],
		["log-SNR that falls", { logSnr: [3, 2] }, /ascending/],
		["log-SNR out of range", { logSnr: [-90, 2] }, /-90 is no log-SNR/],
		["log-SNR that is no array", { logSnr: 3 }, /times/],
		["another count", [900, 400, 100], /3 values for 2 steps/],
	])("refuses %s", (what, times, message) => {
		const options = {
			name: "ddim" as const,
			times: times as Times,
			...(what === "another count" ? { steps: 2 } : {}),
		};
		expect(() => createSampler(options)).toThrow(OptionError);
		expect(() => createSampler(options)).toThrow(message);
	});

	it("refuses a schedule beside times", () => {
		expect(() =>
			createSampler({ name: "euler", times: [900, 3], schedule: "karras" }),
		).toThrow(/^times: /);
	});
});

describe("the even schedule", () => {
	it.each(SAMPLER_NAMES)(
		"%s goes from the first to the last timestep of its usual run",
		(name) => {
			const usual = createSampler({
				name,
				steps: usualSteps(name),
				config: SD15,
			});
			const steps = Math.min(usualSteps(name) - 1, 12);
			const even = createSampler({
				name,
				steps,
				config: SD15,
				schedule: "even",
			});
			expect(even.timesteps).toHaveLength(evaluationCount(name, steps));
			expect(even.timesteps[0]).toBe(usual.timesteps[0]);
			expect(even.timesteps.at(-1)).toBe(usual.timesteps.at(-1));
			const begun = ownTimesOf(even);
			const gap = (begun[0] - begun[steps - 1]) / (steps - 1);
			for (let i = 1; i < steps; i++)
				expect(Math.abs(begun[i - 1] - begun[i] - gap)).toBeLessThan(1.001);
			expect(final(even).every(Number.isFinite)).toBe(true);
		},
	);

	it("is 999 to 50 with dpm-solver++ below 20 steps, its own grid from there on", () => {
		const at = (steps: number) =>
			createSampler({
				name: "dpm-solver++",
				steps,
				config: SD15,
				schedule: "even",
			}).timesteps;
		expect(at(5)).toEqual([999, 762, 524, 287, 50]);
		expect(at(1)).toEqual([999]);
		expect(at(30).at(-1)).toBe(33);
	});

	function ownTimesOf({ timesteps, evaluationsPerStep }: Sampler) {
		return [
			...new Set(timesteps.filter((_, i) => i % evaluationsPerStep === 0)),
		];
	}
});

it.each(SAMPLER_NAMES)(
	"%s evaluates as often as evaluationCount says",
	(name) => {
		for (const steps of [1, 2, 3, 10, 50])
			expect(
				createSampler({ name, steps, config: SD15 }).timesteps,
			).toHaveLength(evaluationCount(name, steps));
	},
);
