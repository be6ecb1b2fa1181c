import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import {
	cosines,
	hesselClipScores,
	torchmetricsClipScore,
} from "../../src/metrics/clipScore.js";
import { cmmd } from "../../src/metrics/cmmd.js";
import { inceptionScore } from "../../src/metrics/inceptionScore.js";
import { kernelDistance } from "../../src/metrics/kernelDistance.js";
import { innerProducts } from "../../src/metrics/linearAlgebra/innerProducts.js";
import { runtimeInnerProducts } from "../../src/metrics/nodeInnerProducts.js";
import { numpyPermutations } from "../../src/random/numpyPermutation.js";
import { relativeError } from "../goldenFile.js";
import { golden } from "./golden.js";
import { madeFeatures } from "./madeFeatures.js";

// Golden data: test/reference/metrics.py (numpy, torch-fidelity, the definitions of CLIP score and CMMD).

test("permutations are numpy's, call after call", () => {
	const first = numpyPermutations(2020).next(17);
	expect([...first]).toEqual(golden.permutations[0]);
	const calls = numpyPermutations(5);
	for (const expected of golden.permutation_calls)
		expect([...calls.next(expected.length)]).toEqual(expected);
});

describe("KID", () => {
	test.each(golden.kid)("of $n1 and $n2, subsets of $size", async (item) => {
		const first = madeFeatures(item.n1, item.width, 1);
		const second = madeFeatures(item.n2, item.width, 2);
		const options = { subsets: item.subsets, subsetSize: item.size };
		const { mean, deviation } = await kernelDistance(first, second, options);
		// torch-fidelity sums in float32.
		expect(mean).toBeCloseTo(item.mean, 6);
		expect(deviation).toBeCloseTo(item.std, 6);
	});

	test("is the same computed at once or subset by subset", async () => {
		const first = madeFeatures(40, 8, 1);
		const second = madeFeatures(40, 8, 2);
		let calls = 0;
		const counted = async (left: typeof first, right: typeof first) => {
			calls++;
			const products = new Float64Array(left.count * right.count);
			for (let i = 0; i < left.count; i++)
				for (let j = 0; j < right.count; j++)
					for (let k = 0; k < 8; k++)
						products[i * right.count + j] +=
							left.data[i * 8 + k] * right.data[j * 8 + k];
			return products;
		};
		const few = { subsets: 3, subsetSize: 5, seed: 1 };
		const apart = await kernelDistance(first, second, {
			...few,
			innerProducts: counted,
		});
		expect(calls).toBe(9);
		const wide = { subsets: 300, subsetSize: 30, seed: 1 };
		const together = await kernelDistance(first, second, {
			...wide,
			innerProducts: counted,
		});
		expect(calls).toBe(12);
		expect(apart.mean).toBeCloseTo(
			(await kernelDistance(first, second, few)).mean,
			12,
		);
		expect(together.mean).toBeCloseTo(
			(await kernelDistance(first, second, wide)).mean,
			12,
		);
	});

	test("lets timers go on", async () => {
		const features = madeFeatures(600, 8, 1);
		let ticks = 0;
		const timer = setInterval(() => ticks++, 1);
		await kernelDistance(features, madeFeatures(600, 8, 2), {
			subsets: 100,
			subsetSize: 500,
		});
		clearInterval(timer);
		expect(ticks).toBeGreaterThan(2);
	});

	test("needs enough images", async () => {
		const side = madeFeatures(10, 4, 1);
		await expect(kernelDistance(side, side)).rejects.toThrow(UserError);
	});
});

test.each(golden.isc)("Inception score in $splits parts", (item) => {
	const { count, width, data } = madeFeatures(item.count, item.width, 3);
	const logits = { count, width, data: data.map((value) => 3 * value) };
	const { mean, deviation } = inceptionScore(logits, { splits: item.splits });
	expect(mean).toBeCloseTo(item.mean, 6);
	expect(deviation).toBeCloseTo(item.std, 6);
});

test("CLIP scores of torchmetrics and of Hessel et al.", () => {
	const values = cosines(madeFeatures(12, 32, 4), madeFeatures(12, 32, 6));
	const { clip } = golden;
	expect(relativeError(values, clip.cosines)).toBeLessThan(1e-12);
	expect(torchmetricsClipScore(values)).toBeCloseTo(clip.torchmetrics, 10);
	expect(relativeError(hesselClipScores(values), clip.hessel)).toBeLessThan(
		1e-12,
	);
	// One is clamped after the mean, the other before it.
	expect(torchmetricsClipScore([-0.5, 0.25])).toBe(0);
	expect([...hesselClipScores([-0.5, 0.25])]).toEqual([0, 0.625]);
});

test("CMMD", async () => {
	const value = await cmmd(madeFeatures(37, 40, 1), madeFeatures(52, 40, 2));
	expect(value).toBeCloseTo(golden.cmmd, 5);
});

test("the runtime's inner products are those of doubles", async () => {
	const { innerProducts: runtime, release } = await runtimeInnerProducts({
		threads: 1,
	});
	const [x, y] = [madeFeatures(37, 90, 1), madeFeatures(52, 90, 2)];
	const expected = await innerProducts(x, y);
	expect(relativeError(await runtime(x, y), expected)).toBeLessThan(1e-6);
	expect(await cmmd(x, y, runtime)).toBeCloseTo(await cmmd(x, y), 3);
	await release();
});
