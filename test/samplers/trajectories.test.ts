import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { SigmaSchedule } from "../../src/samplers/config/samplerConfig.js";
import type { SamplerConfig } from "../../src/samplers/config/schedulerConfig.js";
import { createSampler } from "../../src/samplers/createSampler.js";
import type { Sampler, SamplerName } from "../../src/samplers/sampler.js";
import { readGolden, relativeError } from "../goldenFile.js";
import {
	countedNoise,
	fill,
	initialNoise,
	network,
} from "./referenceNetwork.js";

// Made by test/reference/samplers.py, which says how network, noise and initial latents are computed.
interface Case {
	id: string;
	sampler: SamplerName;
	steps: number;
	config: number;
	overrides: Partial<SamplerConfig>;
	schedule?: SigmaSchedule;
	eta?: number;
	images?: number;
	timestepsOnly?: boolean;
	initNoiseSigma: number;
	draws?: number;
	stored?: number[];
}
const golden = readGolden("samplers");
const { configs, cases } = JSON.parse(
	readFileSync(
		join(import.meta.dirname, "..", "golden", "samplers.json"),
		"utf8",
	),
) as { configs: unknown[]; cases: Case[] };

const variance = (count: number, t: number) =>
	fill(count, (i) => 0.8 * Math.sin(0.3 * i + t / 90));

function sampled({ sampler, steps, config, overrides, schedule, eta }: Case) {
	return createSampler({
		name: sampler,
		steps,
		config: configs[config],
		overrides,
		schedule,
		eta,
	});
}

function trajectory(test: Case, sampler: Sampler) {
	const { images = 1, overrides } = test;
	const count = images * 64;
	const { draws, noise } = countedNoise(count);
	let latents: Float32Array = initialNoise(count).map(
		(z) => z * sampler.initNoiseSigma,
	);
	let state = sampler.start();
	const steps: Float32Array[] = [];
	const denoised: Float32Array[] = [];
	for (const [index, t] of sampler.timesteps.entries()) {
		const input = sampler.scaleModelInput(latents, index);
		let prediction: Float32Array = network(input, t);
		if (overrides.variance_type === "learned_range")
			prediction = Float32Array.of(...prediction, ...variance(count, t));
		const output = sampler.step(state, {
			index,
			prediction,
			latents,
			noise,
			images,
		});
		({ state, latents } = output);
		steps.push(latents);
		denoised.push(output.denoised);
	}
	return { steps, denoised, draws: draws() };
}

const describeCase = (test: Case) =>
	`${test.id}: ${test.sampler}, ${test.steps} steps ${JSON.stringify({ ...test.overrides, schedule: test.schedule, eta: test.eta, config: test.config })}`;

describe("trajectories equal diffusers'", () => {
	it("covers what it is meant to cover", () => {
		expect(cases.length).toBeGreaterThanOrEqual(600);
		expect(new Set(cases.map((test) => test.sampler)).size).toBe(17);
	});

	it.each(cases.map((test) => [describeCase(test), test] as const))(
		"%s",
		(_, test) => {
			const sampler = sampled(test);
			const timesteps = golden.get(`${test.id}.timesteps`)!.data;
			expect(sampler.timesteps).toHaveLength(timesteps.length);
			for (const [i, t] of timesteps.entries()) {
				if (Number.isInteger(t) && Number.isInteger(sampler.timesteps[i]))
					expect(sampler.timesteps[i]).toBe(t);
				else expect(Math.abs(sampler.timesteps[i] - t)).toBeLessThan(2e-4);
			}
			expect(
				Math.abs(sampler.initNoiseSigma / test.initNoiseSigma - 1),
			).toBeLessThan(1e-6);
			if (test.timestepsOnly) return;
			const { steps, denoised, draws } = trajectory(test, sampler);
			expect(draws).toBe(test.draws);
			const expected = golden.get(`${test.id}.latents`)!;
			const size = expected.dims[1];
			for (const [row, index] of test.stored!.entries()) {
				const error = relativeError(
					steps[index],
					expected.data.subarray(row * size, (row + 1) * size),
				);
				expect(error, `after evaluation ${index}`).toBeLessThan(1e-5);
			}
			const original = golden.get(`${test.id}.denoised`);
			if (original)
				expect(
					relativeError(denoised[timesteps.length >> 1], original.data),
				).toBeLessThan(1e-5);
		},
	);
});
