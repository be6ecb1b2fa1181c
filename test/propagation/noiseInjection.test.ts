import { expect, test } from "vitest";
import { injectNoise } from "../../src/propagation/noiseInjection.js";
import { createSampler } from "../../src/samplers/createSampler.js";

const latents = Float32Array.of(1, 2);
const noise = Float32Array.of(10, -10);

test("adds alpha z_T where the timestep is below tau, and nothing elsewhere", () => {
	const sampler = createSampler({ name: "ddim", steps: 2 });
	const [early, late] = sampler.timesteps;
	expect(early).toBeGreaterThanOrEqual(500);
	expect(late).toBeLessThan(500);
	const injection = { alpha: 0.25, until: 0.5 };
	expect(injectNoise(latents, noise, sampler, 0, injection)).toBe(latents);
	expect([...injectNoise(latents, noise, sampler, 1, injection)]).toEqual([
		3.5, -0.5,
	]);
	expect([...latents]).toEqual([1, 2]);
	expect(
		injectNoise(latents, noise, sampler, 1, { alpha: 0, until: 0.5 }),
	).toBe(latents);
});

test("carries the same amount into the space of sigmas", () => {
	const sampler = createSampler({ name: "euler", steps: 4 });
	const index = 3;
	const amount = 0.25 * Math.sqrt(1 + sampler.sigmas[index] ** 2);
	const [first] = injectNoise(latents, noise, sampler, index, {
		alpha: 0.25,
		until: 1,
	});
	expect(first).toBeCloseTo(1 + 10 * amount, 5);
});
