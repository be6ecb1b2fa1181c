import { expect, test } from "vitest";
import {
	buildInception,
	inceptionOutputs,
} from "../../src/models/inception.js";
import { tensor } from "../../src/tensor/tensor.js";
import { readGolden, relativeError } from "../goldenFile.js";
import { runGraph } from "./networkTest.js";
import { pictureBytes, randomWeights } from "./randomWeights.js";

// Golden data: test/reference/metric_networks.py (torch-fidelity's network, random weights).
test("Inception v3 of FID", async () => {
	const golden = readGolden("metric_networks");
	const weights = randomWeights(buildInception(null, ["logits"], { batch: 1 }));
	const graph = buildInception(weights, inceptionOutputs, { batch: 1 });
	const dims = [1, 3, 299, 299];
	const bytes = pictureBytes(3 * 299 * 299, 1);
	const images = Float32Array.from(bytes, (value) => (value - 128) / 128);
	const results = await runGraph(graph, { images: tensor(dims, images) });
	for (const name of inceptionOutputs) {
		const expected = golden.get(`inception.${name}`)!;
		expect(results[name].dims).toEqual(expected.dims);
		expect(relativeError(results[name].data, expected.data)).toBeLessThan(1e-5);
	}
	// 5.7 G multiply-adds is the published figure for 299×299.
	expect(graph.flops / 2e9).toBeCloseTo(5.7, 1);
});
