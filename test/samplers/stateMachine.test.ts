import { describe, expect, it } from "vitest";
import { createSampler } from "../../src/samplers/createSampler.js";
import {
	SAMPLER_NAMES,
	type Sampler,
	type SamplerName,
	type SamplerState,
} from "../../src/samplers/sampler.js";

const SD15 = {
	beta_end: 0.012,
	beta_schedule: "scaled_linear",
	beta_start: 0.00085,
	clip_sample: false,
	set_alpha_to_one: false,
	skip_prk_steps: true,
	steps_offset: 1,
};
const wave = (count: number, phase: number) =>
	Float32Array.from({ length: count }, (_, i) => Math.sin(1.7 * i + phase));

function run(
	sampler: Sampler,
	from = 0,
	each?: (state: SamplerState) => void,
): Float32Array {
	let latents = wave(16, 0.3).map((x) => x * sampler.initNoiseSigma);
	let state = sampler.start();
	let draws = 0;
	for (let index = from; index < sampler.timesteps.length; index++) {
		const input = sampler.scaleModelInput(latents, index);
		const prediction = input.map((x) => 0.8 * x);
		const noise = () => wave(16, ++draws);
		const output = sampler.step(state, { index, prediction, latents, noise });
		({ state } = output);
		latents = Float32Array.from(output.latents);
		each?.(state);
	}
	return latents;
}

describe.each(SAMPLER_NAMES)("%s", (name: SamplerName) => {
	it("is pure: the same step twice gives the same, and no argument changes", () => {
		const sampler = createSampler({ name, steps: 5, config: SD15 });
		let state = sampler.start();
		let latents = wave(16, 0.3);
		for (const index of sampler.timesteps.keys()) {
			const prediction = wave(16, index);
			const input = { index, prediction, latents, noise: () => wave(16, 9) };
			const before = structuredClone({ state, latents, prediction });
			const first = sampler.step(state, input);
			expect({ state, latents, prediction }).toEqual(before);
			// Results share no memory with what came in: the caller may write over its own arrays.
			expect(first.latents.buffer).not.toBe(latents.buffer);
			expect(first.latents.buffer).not.toBe(prediction.buffer);
			expect(first.denoised.buffer).not.toBe(prediction.buffer);
			const second = sampler.step(structuredClone(state), input);
			expect(second).toEqual(first);
			state = first.state;
			latents = new Float32Array(first.latents);
		}
	});

	it("keeps a state that does not grow", () => {
		const sampler = createSampler({ name, steps: 30, config: SD15 });
		let most = 0;
		run(sampler, 0, ({ history }) => {
			most = Math.max(most, history.length);
		});
		expect(most).toBeLessThanOrEqual(4);
	});

	it("takes any number of steps to finite latents", () => {
		for (const steps of [1, 2, 3, 4, 7, 48, 50, 61, 333, 999, 1000]) {
			if ((name === "lcm" || name === "tcd") && steps > 50) continue;
			const sampler = createSampler({ name, steps, config: SD15 });
			expect(run(sampler).every(Number.isFinite), `${steps} steps`).toBe(true);
			expect(sampler.sigmas).toHaveLength(sampler.timesteps.length);
			for (const [i, t] of sampler.timesteps.entries()) {
				expect(t).toBeGreaterThanOrEqual(0);
				expect(t).toBeLessThanOrEqual(999);
				if (i > 0 && name !== "pndm")
					expect(t).toBeLessThanOrEqual(sampler.timesteps[i - 1]);
			}
		}
	});

	it("evaluates as often as it says", () => {
		const count = (steps: number) =>
			createSampler({ name, steps, config: SD15 }).timesteps.length;
		const expected: Partial<Record<SamplerName, number[]>> = {
			heun: [1, 19],
			dpm2: [1, 19],
			pndm: [1, 11],
		};
		expect([count(1), count(10)]).toEqual(expected[name] ?? [1, 10]);
	});

	it("starts late, as image-to-image does", () => {
		for (const from of [1, 2, 3, 7]) {
			const sampler = createSampler({ name, steps: 10, config: SD15 });
			expect(run(sampler, from).every(Number.isFinite)).toBe(true);
		}
	});

	it("says whether it draws noise", () => {
		const sampler = createSampler({ name, steps: 4, config: SD15 });
		let draws = 0;
		let state = sampler.start();
		for (const index of sampler.timesteps.keys()) {
			const noise = () => wave(16, ++draws);
			const input = {
				index,
				prediction: wave(16, 1),
				latents: wave(16, 2),
				noise,
			};
			({ state } = sampler.step(state, input));
		}
		expect(draws > 0).toBe(sampler.stochastic);
	});
});

describe("injectionScale", () => {
	it("is 1 in variance-preserving space, sqrt(1 + sigma²) in sigma space", () => {
		const inSigmaSpace = ["euler", "euler-a", "heun", "lms", "dpm2"];
		for (const name of SAMPLER_NAMES) {
			const sampler = createSampler({ name, steps: 6, config: SD15 });
			for (const [index, sigma] of sampler.sigmas.entries())
				expect(sampler.injectionScale(index)).toBeCloseTo(
					inSigmaSpace.includes(name) ? Math.sqrt(1 + sigma ** 2) : 1,
					6,
				);
		}
	});
});

describe("solvers of one problem agree", () => {
	// For data that is one point, d, the exact prediction is known and every sampler must arrive at d.
	it.each(SAMPLER_NAMES.filter((name) => name !== "ddpm"))(
		"%s finds the only image there is",
		(name) => {
			const only = wave(16, 2);
			const steps = name === "lcm" ? 8 : 20;
			const sampler = createSampler({ name, steps, config: SD15 });
			let latents: Float32Array = wave(16, 0.3).map(
				(x) => x * sampler.initNoiseSigma,
			);
			let state = sampler.start();
			for (const index of sampler.timesteps.keys()) {
				const input = sampler.scaleModelInput(latents, index);
				const ratio = sampler.sigmas[index];
				const alpha = 1 / Math.sqrt(1 + ratio ** 2);
				const prediction = input.map(
					(x, i) => (x - alpha * only[i]) / (ratio * alpha),
				);
				const output = sampler.step(state, {
					index,
					prediction,
					latents,
					noise: () => wave(16, index),
				});
				({ state, latents } = output);
				if (name !== "lcm")
					for (const [i, x] of output.denoised.entries())
						expect(x).toBeCloseTo(only[i], 3);
			}
			// Samplers that end on the noise of timestep 0 keep that much of it.
			for (const [i, x] of latents.entries())
				expect(Math.abs(x - only[i])).toBeLessThan(0.1);
		},
	);
});

it("pndm goes to the end also where a run begins within a Runge-Kutta step", () => {
	const sampler = createSampler({
		name: "pndm",
		steps: 20,
		config: { ...SD15, skip_prk_steps: false },
	});
	const clean = 2;
	const prediction = wave(16, 0.3);
	const noise = () => wave(16, 1);
	// from 9 on it is the multistep method that begins late, and stays one timestep behind as diffusers' does
	for (let start = 0; start < 9; start++) {
		const signal = 1 / Math.hypot(1, sampler.sigmas[start]);
		let latents = prediction.map(
			(own) => signal * clean + Math.sqrt(1 - signal ** 2) * own,
		);
		let state = sampler.start();
		for (let index = start; index < sampler.timesteps.length; index++) {
			const output = sampler.step(state, { index, prediction, latents, noise });
			({ state } = output);
			latents = Float32Array.from(output.latents);
		}
		for (const value of latents)
			expect(Math.abs(value - clean), `from ${start}`).toBeLessThan(0.1);
	}
});
