import { describe, expect, test } from "vitest";
import {
	fidVariants,
	preprocessForInception,
} from "../../src/metrics/inceptionPreprocessing.js";
import { readGolden, relativeError } from "../goldenFile.js";
import { pictureBytes } from "../models/randomWeights.js";

// Golden data: test/reference/fid_preprocessing.py (every 61st value).
const golden = readGolden("fid_preprocessing");

describe.each([
	["small", 80, 64],
	["large", 330, 400],
])("%s picture", (name, width, height) => {
	const data = pictureBytes(width * height * 3, 9);
	const image = { width, height, channels: 3, data };
	test.each(fidVariants)("as %s prepares it", (variant) => {
		const values = preprocessForInception(image, variant);
		expect(values).toHaveLength(3 * 299 * 299);
		const expected = golden.get(`${name}.${variant}`)!.data;
		const sampled = Float32Array.from(expected, (_, i) => values[61 * i]);
		expect(relativeError(sampled, expected)).toBeLessThan(1e-6);
	});
});
