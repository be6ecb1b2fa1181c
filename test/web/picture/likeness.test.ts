import { expect, test } from "vitest";
import { decibels, likeness } from "../../../web/src/picture/likeness.js";

const grey = (value: number, width = 2) => ({
	width,
	height: 2,
	// as a canvas gives it
	data: Uint8ClampedArray.from({ length: width * 8 }, (_, i) =>
		i % 4 === 3 ? 255 : value,
	),
});

test("likeness is the PSNR of what is seen", () => {
	expect(likeness(grey(10), grey(20))).toBeCloseTo(20 * Math.log10(25.5), 6);
	expect(likeness(grey(10), grey(10))).toBe(Number.POSITIVE_INFINITY);
	expect(likeness(grey(10), grey(10, 4))).toBeUndefined();
	expect(decibels(28.13)).toBe("28.1 dB");
	expect(decibels(Number.POSITIVE_INFINITY)).toBe("identical");
});
