import { expect, test } from "vitest";
import {
	centredInterval,
	resampledDistances,
	statisticsOfRows,
} from "../../src/evaluation/frechetBootstrap.js";
import { frechetDistance } from "../../src/metrics/frechetDistance.js";
import { mersenneTwister } from "../../src/random/mersenneTwister.js";
import { torchCpuNormal } from "../../src/random/torchCpuNormal.js";

const rows = (seed: bigint, count: number, width: number) => ({
	count,
	width,
	data: torchCpuNormal(seed).normal(count * width),
});

test("a resample's distance is that of the rows drawn, also where rows are fewer than features", () => {
	for (const [count, width] of [
		[40, 6],
		[8, 16],
	]) {
		const features = rows(1n, count, width);
		const reals = statisticsOfRows(rows(2n, count + 3, width));
		const resampled = resampledDistances(features, reals, 5, 3);
		const generator = mersenneTwister(5n);
		for (const value of resampled) {
			const data = new Float32Array(count * width);
			for (let n = 0; n < count; n++) {
				const chosen = Math.floor((generator.next() / 2 ** 32) * count);
				data.set(
					features.data.subarray(chosen * width, (chosen + 1) * width),
					n * width,
				);
			}
			const { distance } = frechetDistance(
				statisticsOfRows({ count, width, data }),
				reals,
			);
			expect(Math.abs(value - distance)).toBeLessThan(1e-6 * distance);
		}
	}
});

test("an interval has the spread of the resamples around the value", () => {
	const resampled = Float64Array.from({ length: 101 }, (_, i) => 50 + i);
	expect(centredInterval(7, resampled, 0.9)).toEqual({
		value: 7,
		low: -38,
		high: 52,
	});
});
