import type { GraphBuilder, Value } from "../graphBuilder.js";
import { add, multiply } from "./arithmetic.js";

/**
 * Group normalization of `[batch, channels, height, width]` with `weight` and `bias` [channels]. Written as an instance
 * normalization over the groups, which runs faster than ONNX's own operator on the CPU.
 */
export function groupNorm(
	g: GraphBuilder,
	x: Value,
	groups: number,
	epsilon: number,
): Value {
	const [batch, channels, height, width] = x.dims;
	const grouped = g.node("Reshape", [x, g.integers([0, groups, -1])], {
		dims: [batch, groups, (channels / groups) * height * width],
	});
	const ones = g.floats(new Float32Array(groups).fill(1), [groups]);
	const zeros = g.floats(new Float32Array(groups), [groups]);
	const normalized = g.node("InstanceNormalization", [grouped, ones, zeros], {
		dims: grouped.dims,
		attributes: { epsilon },
	});
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
