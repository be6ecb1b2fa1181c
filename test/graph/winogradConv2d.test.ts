import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../src/graph/graphBuilder.js";
import { conv2d } from "../../src/graph/layers/conv2d.js";
import { squareConv2d } from "../../src/graph/layers/squareConv2d.js";
import { winogradConv2d } from "../../src/graph/layers/winogradConv2d.js";
import { createSession } from "../../src/runtime/nodeSession.js";
import { relativeError } from "../goldenFile.js";
import { hashedValues } from "../hashedValues.js";
import { memoryWeights } from "./memoryWeights.js";

const random = (dims: readonly number[], seed: number) => ({
	dims,
	data: hashedValues(
		dims.reduce((a, b) => a * b, 1),
		seed,
	),
});

const weights = memoryWeights(
	new Map([
		["weight", random([32, 16, 3, 3], 1)],
		["bias", random([32], 2)],
	]),
);

describe.each([2, 4] as const)(
	"Winograd's convolution, tiles of %i",
	(tile) => {
		test.each([
			[1, 8, 8],
			[2, 4, 12],
			[3, 20, 4],
		])(
			"equals the direct one for batch %i, %i x %i, whatever size it was counted for",
			async (batch, height, width) => {
				const g = graphBuilder(weights);
				const x = g.input(
					"x",
					["batch", 16, "height", "width"],
					[2, 16, 64, 64],
				);
				g.output("direct", conv2d(g, x, 32));
				g.output("winograd", winogradConv2d(g, x, 32, tile));
				const graph = g.finish();
				expect(graph.flops).toBe(2 * (2 * 2 * 32 * 64 * 64 * 16 * 9));
				for (const optimization of ["all", "extended"] as const) {
					const session = await createSession(graph, {
						threads: 1,
						optimization,
					});
					const results = await session.run({
						x: random([batch, 16, height, width], 3),
					});
					expect(results.winograd.dims).toEqual([batch, 32, height, width]);
					expect(
						relativeError(results.winograd.data, results.direct.data),
					).toBeLessThan(5e-6);
					await session.release();
				}
			},
		);
	},
);

describe("the way a convolution takes", () => {
	const operators = (
		channels: number,
		size: number,
		sizeMultiple: number,
	): number => {
		const big = memoryWeights(
			new Map([
				["weight", random([channels, channels, 3, 3], 1)],
				["bias", random([channels], 2)],
			]),
		);
		const g = graphBuilder(big);
		const dims = [2, channels, size, size];
		const x = g.input("x", dims, dims);
		g.output("y", squareConv2d(g, x, channels, sizeMultiple));
		return new TextDecoder("latin1")
			.decode(g.finish().model)
			.split("kernel_shape").length;
	};

	test("follows what is known of the size, and the work there is", () => {
		const direct = operators(128, 64, 1);
		expect(operators(128, 64, 2)).toBeGreaterThan(direct);
		expect(operators(128, 64, 4)).toBeGreaterThan(operators(128, 64, 2));
		expect(operators(128, 64, 6)).toBe(operators(128, 64, 2));
		expect(operators(8, 64, 4)).toBe(direct);
	});
});
