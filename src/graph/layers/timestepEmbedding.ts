import { type Tensor, tensor } from "../../tensor/tensor.js";
import type { GraphBuilder, Value } from "../graphBuilder.js";

/** How a network's sinusoids are made. */
export interface SinusoidOptions {
	readonly cosineFirst: boolean;
	readonly shift: number;
}

/**
 * Sinusoids of timesteps (Ho et al. 2020, after Vaswani et al. 2017): `[batch]` to `[batch, features]`, frequencies
 * 10000^(-i / (features/2 - shift)). The frequencies are rounded to float32 at each operation, as torch does.
 */
export function timestepEmbedding(
	g: GraphBuilder,
	timesteps: Value,
	features: number,
	{ cosineFirst, shift }: SinusoidOptions,
): Value {
	const [batch] = timesteps.dims;
	const half = features / 2;
	const frequencies = frequenciesOf(half, shift);
	const column = g.node("Unsqueeze", [timesteps, g.integers([1])], {
		dims: [batch, 1],
	});
	const angles = g.node(
		"Mul",
		[column, g.floats(frequencies, [1, half], "float32")],
		{
			dims: [batch, half],
		},
	);
	const cosine = g.node("Cos", [angles], { dims: angles.dims });
	const sine = g.node("Sin", [angles], { dims: angles.dims });
	return g.computed(
		g.node("Concat", cosineFirst ? [cosine, sine] : [sine, cosine], {
			dims: [batch, features],
			attributes: { axis: 1n },
		}),
	);
}

/** The same outside a graph, for engines whose sines are inexact: timesteps to `[timesteps, features]`. */
export function timestepFeatures(
	timesteps: Float32Array,
	features: number,
	{ cosineFirst, shift }: SinusoidOptions,
): Tensor {
	const half = features / 2;
	const frequencies = frequenciesOf(half, shift);
	const result = tensor([timesteps.length, features]);
	for (const [row, timestep] of timesteps.entries())
		for (const [i, frequency] of frequencies.entries()) {
			const angle = Math.fround(timestep * frequency);
			const at = row * features + i;
			result.data[at] = cosineFirst ? Math.cos(angle) : Math.sin(angle);
			result.data[at + half] = cosineFirst ? Math.sin(angle) : Math.cos(angle);
		}
	return result;
}

function frequenciesOf(half: number, shift: number): Float32Array {
	return Float32Array.from({ length: half }, (_, i) =>
		Math.exp(Math.fround(Math.fround(-Math.log(10000) * i) / (half - shift))),
	);
}
