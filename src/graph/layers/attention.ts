import type { GraphBuilder, Value } from "../graphBuilder.js";

export interface AttentionOptions {
	readonly heads: number;
	/** A token sees itself and those before it only. */
	readonly causal?: boolean;
}

/**
 * softmax(q kᵀ / sqrt(width of a head)) v, head by head, of `[batch, tokens, features]` with the heads side by side in the
 * features. One operator, tiled inside, so that the matrix of scores is never built.
 */
export function attention(
	g: GraphBuilder,
	q: Value,
	k: Value,
	v: Value,
	{ heads, causal = false }: AttentionOptions,
): Value {
	const [batch, queries, features] = q.dims;
	const keys = k.dims[1];
	g.countMultiplyAdds(2 * batch * queries * keys * features);
	return g.node("MultiHeadAttention", [q, k, v], {
		dims: q.dims,
		domain: "com.microsoft",
		attributes: {
			num_heads: BigInt(heads),
			...(causal ? { unidirectional: 1n } : {}),
		},
	});
}
