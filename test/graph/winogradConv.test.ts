import { expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.js";
import { graphBuilder } from "../../src/graph/graphBuilder.js";
import {
	defaultFlavour,
	type GraphFlavour,
} from "../../src/graph/graphFlavour.js";
import { conv2d } from "../../src/graph/layers/conv2d.js";
import {
	type Filtering,
	SQUARES_OF_2,
	SQUARES_OF_4,
	winogradConv,
} from "../../src/graph/layers/winogradConv.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import { relativeError } from "../goldenFile.js";
import { runGraph } from "../models/networkTest.js";
import { memoryWeights } from "./memoryWeights.js";

const [IN, OUT] = [64, 96];
const weights = memoryWeights(
	new Map([
		["conv.weight", waves([OUT, IN, 3, 3], 0.37)],
		["conv.bias", waves([OUT], 1.3)],
	]),
);

function waves(dims: readonly number[], step: number): Tensor {
	const result = tensor(dims);
	for (let i = 0; i < result.data.length; i++)
		result.data[i] = Math.sin(step * i + i * i * 1e-3);
	return result;
}

/** A convolution in a graph for any size, counted with maps of `side`. */
function graphOf(
	convolution: GraphFlavour["convolution"],
	side: number,
	filtering?: Filtering,
): Graph {
	const g = graphBuilder(weights, { ...defaultFlavour, convolution });
	const x = g.input("x", ["batch", IN, "height", "width"], [1, IN, side, side]);
	const scope = g.at("conv");
	g.output(
		"y",
		filtering
			? winogradConv(scope, x, OUT, filtering)
			: conv2d(scope, x, OUT, { bias: side > 1 }),
	);
	return g.finish();
}

test.each([SQUARES_OF_2, SQUARES_OF_4])(
	"squares of $size give the convolution, for maps of any size",
	async (filtering) => {
		for (const [batch, height, width] of [
			[2, 16, 16],
			[1, 9, 7],
			[3, 2, 5],
			[1, 1, 1],
		]) {
			const inputs = { x: waves([batch, IN, height, width], 0.11) };
			const { y } = await runGraph(graphOf("winograd", 64, filtering), inputs);
			const direct = graphOf("direct", 1);
			const expected = (await runGraph(direct, inputs)).y;
			expect(y.dims).toEqual(expected.dims);
			expect(relativeError(y.data, expected.data)).toBeLessThan(1e-5);
		}
	},
);

test("large maps of many channels are convolved in squares, the larger ones in larger squares, and counted alike", async () => {
	const operators = (side: number) =>
		Buffer.from(graphOf("winograd", side).model()).toString("latin1");
	expect(operators(64)).toContain("Tile");
	expect(operators(32)).toContain("Tile");
	expect(operators(16)).not.toContain("Tile");
	const inputs = { x: waves([1, IN, 12, 10], 0.11) };
	for (const side of [64, 32]) {
		const direct = graphOf("direct", side);
		const graph = graphOf("winograd", side);
		expect(graph.flops).toBe(direct.flops);
		const { y } = await runGraph(graph, inputs);
		const expected = (await runGraph(direct, inputs)).y;
		expect(relativeError(y.data, expected.data)).toBeLessThan(1e-5);
	}
});
