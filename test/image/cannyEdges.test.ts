import { expect, test } from "vitest";
import { cannyEdges } from "../../src/image/cannyEdges.js";
import { readGolden } from "../goldenFile.js";

const golden = readGolden("canny");
const cases = [...golden.keys()].filter((key) => key.includes("/"));

/** golden by test/reference/canny.py */
test.each(cases)("edges are those that OpenCV finds: %s", (key) => {
	const [name, thresholds] = key.split("/");
	const [low, high] = thresholds.split(",").map(Number);
	const { dims, data } = golden.get(name)!;
	const [height, width, channels] = dims;
	const edges = cannyEdges(
		{ width, height, channels, data: data as Uint8Array },
		low,
		high,
	);
	const expected = golden.get(key)!.data;
	expect(edges.channels).toBe(3);
	expect(Array.from(expected, (_, i) => edges.data[3 * i])).toEqual(
		Array.from(expected),
	);
});
