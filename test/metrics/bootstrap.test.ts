import { expect, test } from "vitest";
import { bootstrap, bootstrapMean } from "../../src/metrics/bootstrap.js";
import { torchCpuNormal } from "../../src/random/torchCpuNormal.js";

test("the interval of a mean is that of the normal approximation", () => {
	const values = torchCpuNormal(1n).normal(400);
	const { estimate, low, high } = bootstrapMean(values, { resamples: 4000 });
	const error = 1.96 / Math.sqrt(400);
	expect(low).toBeGreaterThan(estimate - 1.15 * error);
	expect(low).toBeLessThan(estimate - 0.85 * error);
	expect(high).toBeGreaterThan(estimate + 0.85 * error);
	expect(high).toBeLessThan(estimate + 1.15 * error);
});

test("95 of 100 intervals hold the true mean", () => {
	const source = torchCpuNormal(3n);
	const hits = Array.from({ length: 200 }, (_, seed) => {
		const options = { seed, resamples: 300 };
		const { low, high } = bootstrapMean(source.normal(60), options);
		return low <= 0 && high >= 0;
	}).filter(Boolean).length;
	expect(hits).toBeGreaterThan(180);
	expect(hits).toBeLessThan(200);
});

test("the same seed gives the same interval, any statistic can be asked", () => {
	const largest = (indices: Int32Array) => Math.max(...indices);
	const once = bootstrap(50, largest, { seed: 4 });
	expect(bootstrap(50, largest, { seed: 4 })).toEqual(once);
	expect(bootstrap(50, largest, { seed: 5, confidence: 0.5 })).not.toEqual(
		once,
	);
	expect(once.estimate).toBe(49);
	expect(once.high).toBe(49);
});

test("pairs differ less than their sides", () => {
	const base = torchCpuNormal(1n).normal(100);
	const better = base.map((value) => value + 0.1);
	const difference = better.map((value, i) => value - base[i]);
	const { low, high } = bootstrapMean(difference);
	expect(low).toBeCloseTo(0.1, 5);
	expect(high).toBeCloseTo(0.1, 5);
});
