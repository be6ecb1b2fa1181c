import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { rgbImage } from "../../src/image/rgbImage.js";
import { psnr } from "../../src/metrics/psnr.js";
import { ssim } from "../../src/metrics/ssim.js";

// Golden data: test/reference/image_similarity.py (scikit-image).
const cases = JSON.parse(
	readFileSync(
		new URL("../golden/image_similarity.json", import.meta.url),
		"utf8",
	),
) as {
	width: number;
	height: number;
	amount: number;
	psnr: number | null;
	ssim: number;
}[];

/** The pictures of the script. */
function pictures(width: number, height: number, amount: number) {
	const a = rgbImage(width, height);
	const b = rgbImage(width, height);
	let state = 12345;
	for (let i = 0; i < a.data.length; i++) {
		const x = Math.floor(i / 3) % width;
		const y = Math.floor(i / 3 / width);
		a.data[i] = x * 5 + y * 3 + Math.floor((x * y) / 7) + (i % 3) * 40;
		state = Number((BigInt(state) * 1103515245n + 12345n) % 2147483648n);
		const noise = ((state >> 16) % (2 * amount + 1)) - amount;
		b.data[i] = Math.min(255, Math.max(0, a.data[i] + noise));
	}
	return [a, b];
}

test.each(cases)(
	"$width×$height, noise of $amount",
	({ width, height, amount, psnr: decibels, ssim: similarity }) => {
		const [a, b] = pictures(width, height, amount);
		expect(ssim(a, b)).toBeCloseTo(similarity, 10);
		if (decibels === null) expect(psnr(a, b)).toBe(Number.POSITIVE_INFINITY);
		else expect(psnr(a, b)).toBeCloseTo(decibels, 10);
	},
);

test("pictures of other sizes, or too small ones, are refused", () => {
	const [a] = pictures(20, 12, 1);
	expect(() => psnr(a, rgbImage(12, 20))).toThrow(UserError);
	expect(() => ssim(a, rgbImage(12, 20))).toThrow(UserError);
	expect(() => ssim(rgbImage(10, 20), rgbImage(10, 20))).toThrow(/at least 11/);
});
