import { expect, test } from "vitest";
import { radialSpectrum } from "../../src/metrics/radialSpectrum.js";
import { torchCpuNormal } from "../../src/random/torchCpuNormal.js";

const wave = (size: number, cycles: number) =>
	Float64Array.from({ length: size * size }, (_, i) =>
		Math.cos((2 * Math.PI * cycles * (i % size)) / size),
	);

// 16 goes through the library, 12 through the definition
for (const size of [16, 12])
	test(`a wave of 3 cycles in ${size} pixels has its power in ring 3`, () => {
		const { power, frequencies } = radialSpectrum(wave(size, 3), {
			count: 1,
			height: size,
			width: size,
		});
		expect(frequencies[3]).toBeCloseTo(3 / size, 12);
		for (const [ring, value] of power.entries())
			if (ring === 3) expect(value).toBeGreaterThan(1);
			else expect(value).toBeLessThan(1e-20);
	});

test("planes need not be square: a wave along the long side has one ring", () => {
	const plane = Float64Array.from({ length: 16 * 12 }, (_, i) =>
		Math.sin((2 * Math.PI * 2 * Math.floor(i / 12)) / 16),
	);
	const { power } = radialSpectrum(plane, { count: 1, height: 16, width: 12 });
	const total = power.reduce((a, b) => a + b, 0);
	expect(Math.max(...power) / total).toBeGreaterThan(0.999);
});

test("white noise has power 1 in every ring, averaged over planes", () => {
	const noise = torchCpuNormal(5n).normal(64 * 32 * 32);
	const { power } = radialSpectrum(noise, { count: 64, height: 32, width: 32 });
	for (const value of power.slice(1)) expect(value).toBeCloseTo(1, 0);
});
