import type { GraphBuilder, Value } from "../graphBuilder.js";

const nearest = {
	mode: "nearest",
	coordinate_transformation_mode: "asymmetric",
	nearest_mode: "floor",
};
const absent: Value = { name: "", dims: [] };

/** Height and width doubled, each pixel repeated. */
export function upsampleTwice(g: GraphBuilder, x: Value): Value {
	const [batch, channels, height, width] = x.dims;
	const scales = g.floats(Float32Array.of(1, 1, 2, 2), [4]);
	return g.node("Resize", [x, absent, scales], {
		dims: [batch, channels, 2 * height, 2 * width],
		attributes: nearest,
	});
}

/**
 * To the height and width of `like`, each pixel taken from the nearest (rounded down): what a skip feature of an odd size needs,
 * and twice the size where sizes are even.
 */
export function upsampleLike(g: GraphBuilder, x: Value, like: Value): Value {
	const [batch, channels] = x.dims;
	const range = (value: Value, from: number, to: number) =>
		g.node("Slice", [g.shapeOf(value), g.integers([from]), g.integers([to])], {
			dims: [to - from],
		});
	const sizes = g.node("Concat", [range(x, 0, 2), range(like, 2, 4)], {
		dims: [4],
		attributes: { axis: 0n },
	});
	return g.node("Resize", [x, absent, absent, sizes], {
		dims: [batch, channels, like.dims[2], like.dims[3]],
		attributes: nearest,
	});
}
