import { describe, expect, it } from "vitest";
import { createSampler } from "../../src/samplers/createSampler.js";
import { aysSigmas } from "../../src/samplers/schedules/sigmaSchedule.js";
import { roundHalfEven } from "../../src/tensor/roundHalfEven.js";

const SD15 = {
	beta_end: 0.012,
	beta_schedule: "scaled_linear",
	beta_start: 0.00085,
	steps_offset: 1,
};

describe("Align Your Steps", () => {
	it("passes through the published sigmas at multiples of ten steps", () => {
		const published = aysSigmas(10);
		expect(published[0]).toBe(14.615);
		expect(published[9]).toBe(0.152);
		expect(aysSigmas(20).filter((_, i) => i % 2 === 0)).toEqual(published);
	});

	it("lies halfway between them in log sigma elsewhere", () => {
		expect(aysSigmas(20)[1]).toBeCloseTo(Math.sqrt(14.615 * 6.475), 10);
	});

	it.each(["euler", "euler-a", "heun", "lms", "dpm2"] as const)(
		"descends to 0 from the highest sigma with %s",
		(name) => {
			for (const steps of [1, 7, 10, 28]) {
				const { sigmas } = createSampler({
					name,
					steps,
					config: SD15,
					schedule: "ays",
				});
				expect(sigmas[0]).toBeCloseTo(14.615, 5);
				for (let i = 1; i < sigmas.length; i++)
					expect(sigmas[i]).toBeLessThanOrEqual(sigmas[i - 1]);
			}
		},
	);

	it.each(["dpm-solver++", "unipc", "deis", "dpm-solver-singlestep"] as const)(
		"gives %s descending whole timesteps",
		(name) => {
			const { timesteps } = createSampler({
				name,
				steps: 25,
				config: SD15,
				schedule: "ays",
			});
			expect(timesteps[0]).toBe(999);
			for (let i = 1; i < timesteps.length; i++) {
				expect(Number.isInteger(timesteps[i])).toBe(true);
				expect(timesteps[i]).toBeLessThan(timesteps[i - 1]);
			}
		},
	);
});

describe("roundHalfEven", () => {
	it("rounds halves to even numbers, as numpy does", () => {
		expect(
			[0.5, 1.5, 2.5, 3.5, 499.5, 500.5, -0.5, 2.4, 2.6].map(roundHalfEven),
		).toEqual([0, 2, 2, 4, 500, 500, -0, 2, 3]);
	});
});
