import type { Features } from "../../src/metrics/features.js";
import { hashedValues } from "../hashedValues.js";

const f = Math.fround;

/** The features of test/reference/metrics.py: neighbours mixed, widths growing along the row, a mean. */
export function madeFeatures(
	count: number,
	width: number,
	seed: number,
): Features {
	const x = hashedValues(count * width, seed);
	const data = new Float32Array(count * width);
	const step = 1.25 / (width - 1);
	for (let row = 0; row < count; row++)
		for (let i = 0; i < width; i++) {
			const before = x[row * width + ((i + width - 1) % width)];
			const mixed = f(x[row * width + i] + f(0.5 * before));
			const scale = f(0.25 + i * step);
			data[row * width + i] = f(mixed * scale) + f(0.1 * (seed % 5));
		}
	return { count, width, data };
}
