import { expect, test } from "vitest";
import {
	CMMD_FACTOR,
	cmmd,
	gaussianKernel,
	normalized,
} from "../../src/metrics/cmmd.js";
import { accumulateStatistics } from "../../src/metrics/featureStatistics.js";
import type { Features } from "../../src/metrics/features.js";
import { frechetDistance } from "../../src/metrics/frechetDistance.js";
import {
	factorReals,
	jackknifeDistances,
} from "../../src/metrics/frechetJackknife.js";
import {
	jackknifeGroups,
	jackknifeInterval,
} from "../../src/metrics/jackknife.js";
import {
	cubicKernel,
	kernelDistance,
} from "../../src/metrics/kernelDistance.js";
import { innerProducts } from "../../src/metrics/linearAlgebra/innerProducts.js";
import { mmdReplicates } from "../../src/metrics/mmdJackknife.js";
import { torchCpuNormal } from "../../src/random/torchCpuNormal.js";

const made = (seed: bigint, count: number, width: number): Features => ({
	count,
	width,
	data: torchCpuNormal(seed).normal(count * width),
});

const statistics = ({ width, data }: Features) => {
	const accumulator = accumulateStatistics(width);
	accumulator.add(data);
	return accumulator.statistics();
};

/** The rows that are not in a group. */
function without(
	{ count, width, data }: Features,
	group: number,
	groups: number,
): Features {
	const rows = Array.from({ length: count }, (_, n) => n).filter(
		(n) => n % groups !== group,
	);
	return {
		count: rows.length,
		width,
		data: Float32Array.from(
			rows.flatMap((n) => [...data.subarray(n * width, (n + 1) * width)]),
		),
	};
}

test("reals that are all equal have distances", () => {
	const row = [1, -2, 3];
	const equal = {
		count: 4,
		width: 3,
		data: Float32Array.from({ length: 12 }, (_, i) => row[i % 3]),
	};
	const features = made(1n, 8, 3);
	const replicates = jackknifeDistances(
		features,
		4,
		factorReals(statistics(equal)),
	);
	for (const [group, value] of replicates.entries()) {
		const { distance } = frechetDistance(
			statistics(without(features, group, 4)),
			statistics(equal),
		);
		expect(value).toBeCloseTo(distance, 5);
	}
});

test.each([
	[200, 6, 20],
	[9, 16, 9],
	[43, 70, 20],
])(
	"distances of %i rows of %i features without each group are those of the rows that are left",
	(count, width, groups) => {
		const features = made(1n, count, width);
		const reals = statistics(made(2n, count + 3, width));
		const replicates = jackknifeDistances(features, groups, factorReals(reals));
		expect(replicates.length).toBe(groups);
		for (const [group, value] of replicates.entries()) {
			const { distance } = frechetDistance(
				statistics(without(features, group, groups)),
				reals,
			);
			expect(Math.abs(value - distance)).toBeLessThan(1e-6 * distance);
		}
	},
);

test("replicates of KID and CMMD are those of the rows that are left, but for a constant", async () => {
	const features = made(3n, 26, 8);
	const reals = made(4n, 11, 8);
	const groups = 5;
	const kid = await mmdReplicates(features, reals, {
		kernel: cubicKernel(8),
		unbiased: true,
		groups,
		innerProducts,
	});
	const mmd = await mmdReplicates(normalized(features), normalized(reals), {
		kernel: gaussianKernel,
		unbiased: false,
		groups,
		innerProducts,
	});
	const constants: [number, number][] = [];
	for (let group = 0; group < groups; group++) {
		const left = without(features, group, groups);
		constants.push([
			(await unbiasedKid(left, reals)) - kid[group],
			(await cmmd(left, reals)) / CMMD_FACTOR - mmd[group],
		]);
	}
	for (const [one, other] of constants) {
		expect(Math.abs(one - constants[0][0])).toBeLessThan(1e-6);
		expect(Math.abs(other - constants[0][1])).toBeLessThan(1e-9);
	}
});

/** KID of all rows: the mean over every pair of subsets would be this. */
async function unbiasedKid(first: Features, second: Features): Promise<number> {
	const size = Math.min(first.count, second.count);
	const { mean } = await kernelDistance(first, second, {
		subsets: 20_000,
		subsetSize: size - 2,
	});
	expect(Number.isFinite(mean)).toBe(true);
	const kernel = cubicKernel(first.width);
	const sum = async (x: Features, y: Features, diagonal: boolean) => {
		const products = await innerProducts(x, y);
		let total = 0;
		for (let i = 0; i < x.count; i++)
			for (let j = 0; j < y.count; j++)
				if (diagonal || i !== j)
					total += kernel(products[i * y.count + j], 0, 0);
		return total;
	};
	const [n, m] = [first.count, second.count];
	const whole =
		(await sum(first, first, false)) / (n * (n - 1)) +
		(await sum(second, second, false)) / (m * (m - 1)) -
		(2 * (await sum(first, second, true))) / (n * m);
	// the subsets' mean wanders about it
	expect(Math.abs(whole - mean)).toBeLessThan(0.05 * Math.abs(whole) + 0.02);
	return whole;
}

test("of a mean, the interval is the textbook's", () => {
	const values = [3, 1, 4, 1, 5, 9, 2, 6];
	const mean = values.reduce((a, b) => a + b) / 8;
	const replicates = Float64Array.from(
		values,
		(value) => (8 * mean - value) / 7 + 100,
	);
	const variance =
		values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 7;
	const { low, high } = jackknifeInterval(mean, replicates);
	expect(high - mean).toBeCloseTo(2.365 * Math.sqrt(variance / 8), 10);
	expect(mean - low).toBeCloseTo(high - mean, 10);
});

test("groups are 20, fewer where samples are, none where nothing could be left", () => {
	expect([2, 3, 12, 20, 5000].map(jackknifeGroups)).toEqual([
		undefined,
		3,
		12,
		20,
		20,
	]);
});
