import { expect, test } from "vitest";
import { graphBuilder } from "../../src/graph/graphBuilder.js";
import {
	mergedCount,
	tokenMerging,
} from "../../src/graph/layers/tokenMerging.js";
import { mersenneTwister } from "../../src/random/mersenneTwister.js";
import { type Tensor, tensor } from "../../src/tensor/tensor.js";
import { relativeError } from "../goldenFile.js";
import { testEngine } from "../runtime/testEngine.js";

const features = 5;

function noise(dims: readonly number[], seed: bigint): Tensor {
	const random = mersenneTwister(seed);
	const result = tensor(dims);
	for (let i = 0; i < result.data.length; i++)
		result.data[i] = random.next() / 2 ** 31 - 1;
	return result;
}

/** Tokens of one sample merged and put back in plain loops, from the definition. */
function plainly(
	metric: number[][],
	values: number[][],
	sources: readonly number[],
	targets: readonly number[],
	count: number,
): { means: Map<number, number[]>; back: number[][] } {
	const cosine = (a: number[], b: number[]) =>
		a.reduce((sum, value, i) => sum + value * b[i], 0) /
		Math.hypot(...a) /
		Math.hypot(...b);
	const pairs = sources.map((source) => {
		const near = targets.map((target) =>
			cosine(metric[source], metric[target]),
		);
		const greatest = Math.max(...near);
		return { source, target: targets[near.indexOf(greatest)], greatest };
	});
	const merged = pairs
		.toSorted((a, b) => b.greatest - a.greatest)
		.slice(0, count);
	const means = new Map(
		targets.map((target) => {
			const group = [
				target,
				...merged.filter((pair) => pair.target === target).map((p) => p.source),
			];
			return [
				target,
				values[target].map(
					(_, i) =>
						group.reduce((sum, at) => sum + values[at][i], 0) / group.length,
				),
			];
		}),
	);
	const into = new Map(merged.map(({ source, target }) => [source, target]));
	return {
		means,
		back: values.map((own, at) => means.get(into.get(at) ?? at) ?? own),
	};
}

const rowsOf = ({ data, dims }: Tensor, sample: number) =>
	Array.from({ length: dims[1] }, (_, token) => [
		...data.subarray(
			(sample * dims[1] + token) * dims[2],
			(sample * dims[1] + token + 1) * dims[2],
		),
	]);

// OpenVINO ends the process where nothing is merged; no UNet is written so
const ratios =
	testEngine.name === "openvino" ? [0.3, 0.5, 0.75] : [0, 0.01, 0.3, 0.5, 0.75];

test.each(ratios)(
	"ratio %d: the most similar pairs share their mean, at any size and in each sample for itself",
	async (ratio) => {
		const g = graphBuilder(null);
		const built = graphBuilder({
			label: "no weights",
			files: new Map(),
			tensors: new Map(),
		});
		for (const builder of [g, built]) {
			const whole = (name: string, count: number) =>
				builder.node(
					"Cast",
					[builder.input(name, ["batch", name], [2, count])],
					{ dims: [2, count], attributes: { to: 7n } },
				);
			const x = builder.input("x", ["batch", "tokens", features], [2, 24, 5]);
			const metric = builder.input(
				"metric",
				["batch", "tokens", features],
				[2, 24, 5],
			);
			const { merge, unmerge } = tokenMerging(builder, metric, {
				sources: whole("sources", 18),
				targets: whole("targets", 6),
				ratio,
			});
			const merged = merge(x);
			expect(merged.dims).toEqual([2, 24 - mergedCount(24, 18, ratio), 5]);
			builder.output("merged", merged);
			builder.output("back", unmerge(merged));
		}
		// the similarities alone: 2 samples x 18 sources x 6 targets x 5 features
		expect(g.finish().flops).toBe(2 * 2 * 18 * 6 * 5);

		const session = await testEngine.createSession(built.finish(), {
			threads: 1,
		});
		// the size it was counted for, and another
		for (const [tokens, targetCount] of [
			[24, 6],
			[35, 6],
		]) {
			const x = noise([2, tokens, features], 1n);
			const metric = noise([2, tokens, features], 2n);
			const targets = Array.from({ length: targetCount }, (_, i) => 4 * i + 1);
			const sources = Array.from({ length: tokens }, (_, at) => at).filter(
				(at) => !targets.includes(at),
			);
			const positions = (row: number[]) => ({
				dims: [2, row.length],
				data: Float32Array.from([...row, ...row]),
			});
			const { merged, back } = await session.run({
				x,
				metric,
				sources: positions(sources),
				targets: positions(targets),
			});
			const count = mergedCount(tokens, sources.length, ratio);
			expect(merged.dims).toEqual([2, tokens - count, features]);
			for (const sample of [0, 1]) {
				const expected = plainly(
					rowsOf(metric, sample),
					rowsOf(x, sample),
					sources,
					targets,
					count,
				);
				const left = rowsOf(merged, sample).slice(-targetCount);
				expect(
					relativeError(left.flat(), [...expected.means.values()].flat()),
				).toBeLessThan(1e-6);
				expect(
					relativeError(rowsOf(back, sample).flat(), expected.back.flat()),
				).toBeLessThan(1e-6);
			}
		}
		await session.release();
	},
);

test("tokens are counted as written, and there are no more merged than sources", () => {
	expect(mergedCount(100, 75, 0.29)).toBe(29);
	expect(mergedCount(4096, 3072, 0.3)).toBe(1228);
	expect(mergedCount(117, 93, 0.75)).toBe(87);
	expect(mergedCount(117, 80, 0.75)).toBe(80);
});
