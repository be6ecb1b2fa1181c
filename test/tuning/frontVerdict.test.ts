import { expect, test } from "vitest";
import { autoPlan } from "../../src/tuning/front/autoPlan.js";
import type { FrontPoint } from "../../src/tuning/front/frontPoint.js";
import {
	errorAt,
	frontFindings,
	verdictText,
} from "../../src/tuning/front/frontVerdict.js";

const point = (
	series: string,
	speedup: number,
	error: number,
	measuredSpeedup = speedup,
	budget?: number,
): FrontPoint => ({
	series,
	label: series,
	speedup,
	measuredSpeedup,
	seconds: 1 / measuredSpeedup,
	error: { estimate: error, low: error, high: error, confidence: 0.95 },
	psnr: 30,
	...(budget === undefined ? {} : { budget }),
});

test("a series' error between its points is on the line over time and log error", () => {
	const points = [
		point("fewer steps", 1, 0.01),
		point("fewer steps", 2, 0.04),
		// slower than another and no closer: not on the front
		point("fewer steps", 1.5, 0.5),
	];
	// time 0.75 lies half way between 1 and 0.5
	expect(errorAt(points, 1 / 0.75, "cost")).toBeCloseTo(0.02, 10);
	expect(errorAt(points, 2, "cost")).toBeCloseTo(0.04, 10);
	expect(errorAt(points, 0.5, "cost")).toBeCloseTo(0.01, 10);
	expect(errorAt(points, 2.1, "cost")).toBeUndefined();
});

test("the verdict follows the axis it is asked for", () => {
	const points = [
		point("paper", 1.25, 0.2, 2.3),
		point("tuned", 1.25, 0.02, 1.2, 1.25),
		point("tuned", 2.5, 0.19, 2.4, 2.5),
		point("fewer steps", 1.25, 0.03, 1.25),
		point("fewer steps", 2.5, 0.1, 2.5),
	];
	const holds = (axis: "cost" | "seconds") =>
		frontFindings(points, axis).flatMap(({ holds: own }) => own ?? []);
	// by cost the tuned plan is far better at equal speed and 2 times faster at equal error
	expect(holds("cost")).toEqual([true, true, false]);
	// measured, the paper's plan is nearly as fast as the fastest: neither is so any more
	expect(holds("seconds")).toEqual([false, false, true]);
	expect(verdictText(points, "cost")).toContain(
		"Not below fewer steps at 2.50x",
	);
	expect(verdictText(points, "seconds")).toMatch(
		/^By UNet seconds measured end to end.*\n- At the paper plan's speed \(2.30x\)/,
	);
});

test("auto takes the fastest plan that neither the paper's plan nor fewer steps beat", () => {
	const points = [
		point("paper", 1.25, 0.2),
		point("tuned", 1.5, 0.02),
		point("tuned", 2, 0.1),
		point("tuned", 3, 0.3),
		point("fewer steps", 2, 0.09),
	];
	expect(autoPlan(points)?.speedup).toBe(1.5);
});
