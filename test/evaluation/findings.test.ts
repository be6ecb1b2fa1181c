import { expect, test } from "vitest";
import { findings } from "../../src/evaluation/results/findings.js";
import type {
	Figure,
	MethodResults,
	Results,
} from "../../src/evaluation/results/results.js";

const figure = (value: number, low: number, high: number): Figure => ({
	value,
	low,
	high,
});

function method(
	name: string,
	encoderRuns: number,
	clipScore?: Figure,
): MethodResults {
	const spread = { median: 1, lowQuartile: 1, highQuartile: 1 };
	return {
		name,
		sampler: "ddim",
		steps: 50,
		images: 64,
		flops: 10 + encoderRuns,
		encoderRuns,
		evaluations: 50,
		worst: [],
		worstClipScore: [],
		timing: {
			seconds: spread,
			networkSeconds: spread,
			decodingSeconds: spread,
			...(clipScore ? { speedup: figure(1.3, 1.2, 1.4) } : {}),
		},
		...(clipScore ? { difference: { to: "ddim-50", clipScore } } : {}),
	};
}

const results = (methods: MethodResults[]) =>
	({
		methods,
		comparisons: [
			{
				method: "ddim-50+fewer",
				to: "ddim-50+paper",
				clipScore: figure(0.02, 0.01, 0.03),
				timing: { speedup: figure(1, 0.9, 1.1) },
			},
		],
		definition: { protocol: { images: 64 } },
	}) as unknown as Results;

test("sentences claim no more than their intervals", () => {
	const lines = findings(
		results([
			method("ddim-50", 50),
			method("ddim-50+paper", 9, figure(-0.001, -0.01, 0.008)),
			method("ddim-50+uniform:5", 10, figure(-0.002, -0.01, 0.01)),
			method("ddim-50+uniform:25", 2, figure(-0.1, -0.2, -0.05)),
		]),
	);
	expect(lines[0]).toBe(
		"Propagation with the paper's key steps (ddim-50+paper) against plain sampling (ddim-50): CLIP score −0.0010 (−0.0100 to +0.0080), no difference can be told at 64 captions; 1.30 (1.20 to 1.40) times as fast, with 68 % fewer FLOPs.",
	);
	expect(lines[1]).toMatch(
		/^ddim-50\+fewer against ddim-50\+paper: .*, higher; 1\.00/,
	);
	expect(lines[2]).toMatch(
		/10 key steps: .*; 2 key steps: .*lower than that of plain sampling from 2 key steps on\.$/,
	);
});

test("a drift that no interval shows is not claimed", () => {
	const [, , line] = findings(
		results([
			method("ddim-50", 50),
			method("ddim-50+paper", 9, figure(0, 0, 0)),
			method("ddim-50+uniform:5", 10, figure(-0.002, -0.01, 0.01)),
			method("ddim-50+uniform:25", 2, figure(-0.1, -0.2, 0.05)),
		]),
	);
	expect(line).toMatch(/At none of them can a loss of CLIP score be told/);
});
