import type { GraphBuilder, Value } from "../graphBuilder.js";
import { add, multiply } from "./arithmetic.js";

export interface AttentionOptions {
	readonly heads: number;
	/** A token sees itself and those before it only. */
	readonly causal?: boolean;
}

/**
 * softmax(q kᵀ / sqrt(width of a head)) v, head by head, of `[batch, tokens, features]` with the heads side by side in the
 * features.
 */
export function attention(
	g: GraphBuilder,
	q: Value,
	k: Value,
	v: Value,
	options: AttentionOptions,
): Value {
	const [batch, queries, features] = q.dims;
	g.countMultiplyAdds(2 * batch * queries * k.dims[1] * features);
	if (g.flavour.attention === "plain")
		return plainAttention(g, q, k, v, options);
	const isLarge = Math.min(queries, k.dims[1]) >= MANY_TOKENS;
	return g.flavour.attention === "sliced" && isLarge
		? slicedAttention(g, q, k, v, options)
		: fusedAttention(g, q, k, v, options);
}

/** Tokens of a feature map of 64 x 64, as graphs are counted with: where attention is the largest. */
const MANY_TOKENS = 4096;
const SLICES = 4;

/** The fused operator for a quarter of the queries at a time. */
function slicedAttention(
	g: GraphBuilder,
	q: Value,
	k: Value,
	v: Value,
	options: AttentionOptions,
): Value {
	const [batch, queries, features] = q.dims;
	const tokens = g.node(
		"Slice",
		[g.shapeOf(q), g.integers([1]), g.integers([2]), g.integers([0])],
		{ dims: [1] },
	);
	const quarters = Array.from({ length: SLICES + 1 }, (_, i) => i);
	const whole = g.node("Mul", [tokens, g.integers(quarters)], {
		dims: [SLICES + 1],
	});
	const ends = g.node("Div", [whole, g.integers([SLICES])], {
		dims: [SLICES + 1],
	});
	const end = (i: number) =>
		g.node("Gather", [ends, g.integers([i])], { dims: [1] });
	const slices = quarters.slice(1).map((i) => {
		const some = g.node("Slice", [q, end(i - 1), end(i), g.integers([1])], {
			dims: [batch, queries / SLICES, features],
		});
		return fusedAttention(g, some, k, v, options);
	});
	return g.node("Concat", slices, {
		dims: q.dims,
		attributes: { axis: 1n },
	});
}

/** One operator, tiled inside, so that the matrix of scores is never built. */
function fusedAttention(
	g: GraphBuilder,
	q: Value,
	k: Value,
	v: Value,
	{ heads, causal = false }: AttentionOptions,
): Value {
	return g.node("MultiHeadAttention", [q, k, v], {
		dims: q.dims,
		domain: "com.microsoft",
		attributes: {
			num_heads: BigInt(heads),
			...(causal ? { unidirectional: 1n } : {}),
		},
	});
}

function plainAttention(
	g: GraphBuilder,
	q: Value,
	k: Value,
	v: Value,
	{ heads, causal = false }: AttentionOptions,
): Value {
	const [batch, queries, features] = q.dims;
	const keys = k.dims[1];
	const width = features / heads;
	const byHead = (x: Value, perm: readonly number[]) => {
		const split = [batch, x.dims[1], heads, width];
		const apart = g.node("Reshape", [x, g.integers([0, 0, heads, width])], {
			dims: split,
		});
		return g.node("Transpose", [apart], {
			dims: perm.map((axis) => split[axis]),
			attributes: { perm: perm.map(BigInt) },
		});
	};
	const scale = g.floats(Float32Array.of(1 / Math.sqrt(width)), [1]);
	const products = g.node(
		"MatMul",
		[byHead(multiply(g, q, scale), [0, 2, 1, 3]), byHead(k, [0, 2, 3, 1])],
		{ dims: [batch, heads, queries, keys] },
	);
	const scores = causal ? add(g, products, causalMask(g, q, k)) : products;
	const shares = g.node("Softmax", [scores], {
		dims: scores.dims,
		attributes: { axis: -1n },
	});
	const mixed = g.node("MatMul", [shares, byHead(v, [0, 2, 1, 3])], {
		dims: [batch, heads, queries, width],
	});
	const rows = g.node("Transpose", [mixed], {
		dims: [batch, queries, heads, width],
		attributes: { perm: [0n, 2n, 1n, 3n] },
	});
	return g.node("Reshape", [rows, g.integers([0, 0, features])], {
		dims: q.dims,
	});
}

/** `[queries, keys]`: 0 where a key is no later than the query, else minus infinity. */
function causalMask(g: GraphBuilder, q: Value, k: Value): Value {
	const [queries, keys] = [q.dims[1], k.dims[1]];
	const numbered = (x: Value) => {
		const size = g.node("Gather", [g.shapeOf(x), scalar(g, 1)], { dims: [] });
		return g.node("Range", [scalar(g, 0), size, scalar(g, 1)], {
			dims: [x.dims[1]],
		});
	};
	const rows = g.node("Unsqueeze", [numbered(q), g.integers([1])], {
		dims: [queries, 1],
	});
	const later = g.node("Greater", [numbered(k), rows], {
		dims: [queries, keys],
	});
	const hidden = g.floats(Float32Array.of(Number.NEGATIVE_INFINITY), [1]);
	return g.node("Where", [later, hidden, g.floats(Float32Array.of(0), [1])], {
		dims: [queries, keys],
	});
}

function scalar(g: GraphBuilder, value: number): Value {
	return g.node("Squeeze", [g.integers([value])], { dims: [] });
}
