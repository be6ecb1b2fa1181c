import type { GraphBuilder, Value } from "../graphBuilder.js";
import { add, multiply } from "./arithmetic.js";

/**
 * Where a norm's mean and variance come from, if not from its own input alone: `told` makes them outputs of the graph too, `given` inputs,
 * `[batch, groups, 1]` each, named after the norm's weights (`decoder.conv_norm_out.mean`, `….variance`).
 */
export type NormStatistics = "told" | "given";

/**
 * Group normalization of `[batch, channels, height, width]` with `weight` and `bias` [channels]. Written as an instance
 * normalization over the groups, which runs faster than ONNX's own operator on the CPU.
 */
export function groupNorm(
	g: GraphBuilder,
	x: Value,
	groups: number,
	epsilon: number,
	statistics?: NormStatistics,
): Value {
	const [batch, channels, height, width] = x.dims;
	const grouped = g.node("Reshape", [x, g.integers([0, groups, -1])], {
		dims: [batch, groups, (channels / groups) * height * width],
	});
	if (statistics === "told") tellStatistics(g, grouped);
	const normalized =
		statistics === "given"
			? normalizedAsGiven(g, grouped, epsilon)
			: instanceNormalized(g, grouped, epsilon);
	const restored = g.node("Reshape", [normalized, g.shapeOf(x)], {
		dims: x.dims,
	});
	const perChannel = { as: [channels, 1, 1] };
	const scaled = multiply(
		g,
		restored,
		g.weight("weight", [channels], perChannel),
	);
	return add(g, scaled, g.weight("bias", [channels], perChannel));
}

function instanceNormalized(
	g: GraphBuilder,
	grouped: Value,
	epsilon: number,
): Value {
	const [, groups] = grouped.dims;
	const ones = g.floats(new Float32Array(groups).fill(1), [groups]);
	const zeros = g.floats(new Float32Array(groups), [groups]);
	return g.node("InstanceNormalization", [grouped, ones, zeros], {
		dims: grouped.dims,
		attributes: { epsilon },
	});
}

function tellStatistics(g: GraphBuilder, grouped: Value): void {
	const [batch, groups] = grouped.dims;
	const meanOf = (value: Value) =>
		g.node("ReduceMean", [value, g.integers([2])], {
			dims: [batch, groups, 1],
		});
	const mean = meanOf(grouped);
	const centred = g.node("Sub", [grouped, mean], { dims: grouped.dims });
	g.output(`${g.scope}.mean`, mean);
	g.output(`${g.scope}.variance`, meanOf(multiply(g, centred, centred)));
}

function normalizedAsGiven(
	g: GraphBuilder,
	grouped: Value,
	epsilon: number,
): Value {
	const [batch, groups] = grouped.dims;
	const [mean, variance] = ["mean", "variance"].map((name) =>
		g.input(`${g.scope}.${name}`, ["batch", groups, 1], [batch, groups, 1]),
	);
	const deviation = g.node(
		"Sqrt",
		[add(g, variance, g.floats(Float32Array.of(epsilon), []))],
		{ dims: variance.dims },
	);
	const centred = g.node("Sub", [grouped, mean], { dims: grouped.dims });
	return g.node("Div", [centred, deviation], { dims: grouped.dims });
}
