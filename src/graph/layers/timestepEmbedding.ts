import type { GraphBuilder, Value } from "../graphBuilder.js";

/**
 * Sinusoids of timesteps (Ho et al. 2020, after Vaswani et al. 2017): `[batch]` to `[batch, features]`, frequencies
 * 10000^(-i / (features/2 - shift)). The frequencies are rounded to float32 at each operation, as torch does.
 */
export function timestepEmbedding(
	g: GraphBuilder,
	timesteps: Value,
	features: number,
	{ cosineFirst, shift }: { cosineFirst: boolean; shift: number },
): Value {
	const [batch] = timesteps.dims;
	const half = features / 2;
	const frequencies = Float32Array.from({ length: half }, (_, i) =>
		Math.exp(Math.fround(Math.fround(-Math.log(10000) * i) / (half - shift))),
	);
	const column = g.node("Unsqueeze", [timesteps, g.integers([1])], {
		dims: [batch, 1],
	});
	const angles = g.node("Mul", [column, g.floats(frequencies, [1, half])], {
		dims: [batch, half],
	});
	const cosine = g.node("Cos", [angles], { dims: angles.dims });
	const sine = g.node("Sin", [angles], { dims: angles.dims });
	return g.node("Concat", cosineFirst ? [cosine, sine] : [sine, cosine], {
		dims: [batch, features],
		attributes: { axis: 1n },
	});
}
