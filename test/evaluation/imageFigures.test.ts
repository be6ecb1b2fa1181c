import { expect, test } from "vitest";
import { speedup } from "../../src/evaluation/results/imageFigures.js";
import type { ImageRecord } from "../../src/evaluation/run/record.js";

const images = (...drawn: readonly (readonly [string, number])[]) =>
	drawn.map(
		([machine, seconds], index) =>
			({ index, machine, cost: { seconds } }) as ImageRecord,
	);

test("a speed-up is of captions that one machine drew by both methods", () => {
	// a run that went on elsewhere in the middle of its second caption
	const plain = images(["slow", 10], ["slow", 10], ["fast", 2]);
	const own = images(["slow", 5], ["fast", 1], ["fast", 1]);
	expect(speedup(own, plain)).toMatchObject({ value: 2, low: 2, high: 2 });
	expect(speedup(own.slice(1, 2), plain.slice(1, 2))).toBeUndefined();
});
