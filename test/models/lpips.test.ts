import { expect, test } from "vitest";
import { buildLpips, lpipsTrunks } from "../../src/models/lpips.js";
import { tensor } from "../../src/tensor/tensor.js";
import { readGolden, relativeError } from "../goldenFile.js";
import { runGraph } from "./networkTest.js";
import { pictureBytes, randomWeights } from "./randomWeights.js";

// Golden data: test/reference/metric_networks.py (the package lpips, random weights).
test.each(lpipsTrunks)("LPIPS on %s", async (trunk) => {
	const size = { batch: 2, height: 80, width: 72 };
	const weights = randomWeights(buildLpips(trunk, null, size));
	const dims = [2, 3, 80, 72];
	const picture = (seed: number) =>
		Float32Array.from(
			pictureBytes(2 * 3 * 80 * 72, seed),
			(value) => value / 127.5 - 1,
		);
	const first = picture(2);
	const other = picture(3);
	const second = first.map((value, i) => 0.7 * value + 0.3 * other[i]);
	const { distance } = await runGraph(buildLpips(trunk, weights, size), {
		first: tensor(dims, first),
		second: tensor(dims, second),
	});
	const expected = readGolden("metric_networks").get(`lpips.${trunk}`)!;
	expect(distance.dims).toEqual([2]);
	expect(relativeError(distance.data, expected.data)).toBeLessThan(1e-5);
	const same = await runGraph(buildLpips(trunk, weights, size), {
		first: tensor(dims, first),
		second: tensor(dims, first),
	});
	for (const distance of same.distance.data)
		expect(distance).toBeLessThan(1e-12);
});
