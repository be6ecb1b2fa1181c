import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import {
	accumulateStatistics,
	type FeatureStatistics,
} from "../../src/metrics/featureStatistics.js";
import { frechetDistance } from "../../src/metrics/frechetDistance.js";
import {
	decodeStatistics,
	encodeStatistics,
} from "../../src/metrics/statisticsFile.js";
import { relativeError } from "../goldenFile.js";
import { golden } from "./golden.js";
import { madeFeatures } from "./madeFeatures.js";

// Golden data: test/reference/metrics.py (pytorch-fid, torch-fidelity, numpy).
const npz = join(import.meta.dirname, "../golden/metrics_statistics.npz");

function statistics(
	count: number,
	width: number,
	seed: number,
): FeatureStatistics {
	const accumulator = accumulateStatistics(width);
	accumulator.add(madeFeatures(count, width, seed).data);
	return accumulator.statistics();
}

describe("Fréchet distance", () => {
	test.each(golden.frechet)("$width features of $n1 and $n2 images", (item) => {
		const first = statistics(item.n1, item.width, 1);
		const second = statistics(item.n2, item.width, 2);
		const { distance, warnings } = frechetDistance(first, second);
		for (const expected of [item.torch_fidelity, item.pytorch_fid])
			if (expected !== null)
				expect(Math.abs(distance - expected)).toBeLessThan(1e-4);
		const few = [item.n1, item.n2].filter((n) => n <= item.width);
		expect(warnings).toHaveLength(few.length);
		for (const [i, n] of few.entries())
			expect(warnings[i]).toContain(`${n} images`);
	});

	test("is nought of a set with itself, full or deficient in rank", () => {
		for (const count of [20, 200]) {
			const side = statistics(count, 40, 1);
			expect(Math.abs(frechetDistance(side, side).distance)).toBeLessThan(1e-6);
		}
	});

	test("is the squared distance of the means where all pictures are alike", () => {
		const constant = (value: number) => {
			const accumulator = accumulateStatistics(3);
			for (let i = 0; i < 4; i++) accumulator.add(Float32Array.of(value, 0, 1));
			return accumulator.statistics();
		};
		const { distance } = frechetDistance(constant(1), constant(3));
		expect(distance).toBe(4);
	});

	test("refuses what cannot be compared", () => {
		const side = statistics(5, 4, 1);
		expect(() => frechetDistance(side, statistics(5, 3, 1))).toThrow(UserError);
		const broken = { ...side, mean: side.mean.with(0, Number.NaN) };
		expect(() => frechetDistance(side, broken)).toThrow(/not finite/);
	});
});

describe("feature statistics", () => {
	test("are numpy's", () => {
		const { statistics: expected } = decodeStatistics(
			readFileSync(npz),
			"metrics_statistics.npz",
		);
		const actual = statistics(300, 64, 1);
		// torch-fidelity takes the mean in float32.
		expect(relativeError(actual.mean, expected.mean)).toBeLessThan(1e-6);
		expect(relativeError(actual.covariance, expected.covariance)).toBeLessThan(
			1e-12,
		);
	});

	test("do not depend on batches or shards", () => {
		const { data } = madeFeatures(200, 16, 1);
		const whole = accumulateStatistics(16);
		whole.add(data);
		const shards = [0, 1, 77, 150, 200].map((from, i, all) => {
			const shard = accumulateStatistics(16);
			for (let row = from; row < (all[i + 1] ?? from); row++)
				shard.add(data.subarray(row * 16, (row + 1) * 16));
			return shard.state();
		});
		const joined = accumulateStatistics(16);
		for (const shard of shards) joined.merge(shard);
		const [a, b] = [whole.statistics(), joined.statistics()];
		expect(b.count).toBe(200);
		expect(relativeError(a.mean, b.mean)).toBeLessThan(1e-14);
		expect(relativeError(a.covariance, b.covariance)).toBeLessThan(1e-13);
	});

	test("keep their digits beside a large mean", () => {
		const accumulator = accumulateStatistics(1);
		for (let i = 0; i < 500; i++)
			accumulator.add(Float32Array.of(2 ** 20 + (i % 2)));
		const { covariance } = accumulator.statistics();
		expect(covariance[0]).toBeCloseTo((0.25 * 500) / 499, 12);
	});

	test("come back from their file", () => {
		const statistics1 = statistics(9, 5, 1);
		const file = encodeStatistics({
			statistics: statistics1,
			madeWith: "Größe",
		});
		expect(decodeStatistics(file, "x.npz")).toEqual({
			statistics: statistics1,
			madeWith: "Größe",
		});
	});

	test("of a broken file are one clear line", () => {
		const file = encodeStatistics({ statistics: statistics(9, 5, 1) });
		for (const length of [0, 10, 100, file.length - 30]) {
			const cut = file.subarray(0, length);
			expect(() => decodeStatistics(cut, "x.npz")).toThrow(UserError);
		}
	});
});
