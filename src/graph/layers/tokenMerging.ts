import type { GraphBuilder, Value } from "../graphBuilder.js";
import { concat } from "./arithmetic.js";
import { productTransposed } from "./product.js";
import { gatherTokens } from "./tokens.js";

/** Which tokens are merged, and how many. */
export interface MergingOptions {
	/** Positions `[batch, sources]` (int64) of the tokens that may be merged into others. */
	readonly sources: Value;
	/** Positions `[batch, targets]` (int64) of the others: with the sources, every token once. */
	readonly targets: Value;
	/** Share of all tokens that is merged away; no more than there are sources. */
	readonly ratio: number;
}

/** A matching of tokens, applied to values `[batch, tokens, features]`. */
export interface TokenMerging {
	/** The tokens that are left: sources that stay, then targets, each the mean of itself and what was merged into it. */
	readonly merge: (x: Value) => Value;
	/** All tokens in their places again; what was merged gets what its target has. */
	readonly unmerge: (x: Value) => Value;
}

/** Ratios are taken to this many parts, so that counting is done in whole numbers. */
const PARTS = 1_000_000;

/** Tokens that are merged away of `tokens`, of which `sources` may be: the whole part of ratio · tokens. */
export function mergedCount(
	tokens: number,
	sources: number,
	ratio: number,
): number {
	return Math.min(
		sources,
		Math.floor((tokens * Math.round(ratio * PARTS)) / PARTS),
	);
}

/**
 * Bipartite soft matching (Bolya and Hoffman 2023, "Token Merging for Fast Stable Diffusion", section 4; as tomesd's
 * `bipartite_soft_matching_random2d` with the choice of targets made outside): each source is matched with the target of the greatest
 * cosine similarity in `metric` `[batch, tokens, features]`; of these pairs the most similar ones are merged, each sample of the batch for itself.
 * Sums are in a fixed order: ScatterElements, other than ScatterND, adds one after another on a CPU (onnxruntime #18048, #28584).
 */
export function tokenMerging(
	g: GraphBuilder,
	metric: Value,
	{ sources, targets, ratio }: MergingOptions,
): TokenMerging {
	const [batch, tokens] = metric.dims;
	const sourceCount = sources.dims[1];
	const targetCount = targets.dims[1];
	const merged = mergedCount(tokens, sourceCount, ratio);
	const left = tokens - merged;
	const columns = g.integers([1]);

	const length = g.node("ReduceL2", [metric, g.integers([2])], {
		dims: [batch, tokens, 1],
	});
	const direction = g.node("Div", [metric, length], { dims: metric.dims });
	const similarity = productTransposed(
		g,
		gatherTokens(g, direction, sources),
		gatherTokens(g, direction, targets),
	);
	const perSource = { dims: [batch, sourceCount] };
	const greatest = g.node("ReduceMax", [similarity, g.integers([2])], {
		...perSource,
		attributes: { keepdims: 0n },
	});
	const partner = g.node("ArgMax", [similarity], {
		...perSource,
		attributes: { axis: 2n, keepdims: 0n },
	});

	// counted when it runs: the graph takes any size
	const sourcesNow = sizeOf(g, sources, 1);
	const tokensNow = sizeOf(g, metric, 1);
	const whole = { dims: [1] };
	const parts = g.node(
		"Mul",
		[tokensNow, g.integers([Math.round(ratio * PARTS)])],
		whole,
	);
	const share = g.node("Div", [parts, g.integers([PARTS])], whole);
	const count = g.node("Min", [share, sourcesNow], whole);
	const leftNow = g.node("Sub", [tokensNow, count], whole);

	const order = g.node("TopK", [greatest, sourcesNow], {
		...perSource,
		output: 1,
	});
	const chosen = g.node("Slice", [order, g.integers([0]), count, columns], {
		dims: [batch, merged],
	});
	const staying = g.node("Slice", [order, count, sourcesNow, columns], {
		dims: [batch, sourceCount - merged],
	});
	const pick = (from: Value, slots: Value) =>
		g.node("GatherElements", [from, slots], {
			dims: slots.dims,
			attributes: { axis: 1n },
		});
	const goingAt = pick(sources, chosen);
	const stayingAt = pick(sources, staying);
	const into = pick(partner, chosen);
	const intoRows = g.node("Unsqueeze", [into, g.integers([2])], {
		dims: [batch, merged, 1],
	});

	const ones = (like: Value) =>
		g.node(
			"Expand",
			[g.floats(Float32Array.of(1), [1, 1, 1]), g.shapeOf(like)],
			{ dims: like.dims },
		);
	const sum = (start: Value, index: Value, addends: Value) =>
		g.node("ScatterElements", [start, index, addends], {
			dims: start.dims,
			attributes: { axis: 1n, reduction: "add" },
		});
	const targetRows = g.node("Unsqueeze", [targets, g.integers([2])], {
		dims: [batch, targetCount, 1],
	});
	const weights = sum(ones(targetRows), intoRows, ones(intoRows));

	// where each token is found among those that are left
	const kept = concat(g, stayingAt, targets);
	const places = g.node(
		"Expand",
		[
			g.node("Range", [scalar(g, 0), squeeze(g, leftNow), scalar(g, 1)], {
				dims: [left],
			}),
			g.shapeOf(kept),
		],
		{ dims: kept.dims },
	);
	const firstTarget = g.node("Sub", [sourcesNow, count], whole);
	const all = concat(g, kept, goingAt);
	const place = g.node(
		"ScatterElements",
		[
			all,
			all,
			concat(
				g,
				places,
				g.node("Add", [into, firstTarget], { dims: into.dims }),
			),
		],
		{ dims: all.dims, attributes: { axis: 1n } },
	);

	return {
		merge(x) {
			const going = gatherTokens(g, x, goingAt);
			const index = g.node("Expand", [intoRows, g.shapeOf(going)], {
				dims: going.dims,
			});
			const sums = sum(gatherTokens(g, x, targets), index, going);
			const means = g.node("Div", [sums, weights], { dims: sums.dims });
			return concat(g, gatherTokens(g, x, stayingAt), means);
		},
		unmerge: (x) => gatherTokens(g, x, place),
	};
}

function sizeOf(g: GraphBuilder, value: Value, axis: number): Value {
	return g.node(
		"Slice",
		[
			g.shapeOf(value),
			g.integers([axis]),
			g.integers([axis + 1]),
			g.integers([0]),
		],
		{ dims: [1] },
	);
}

function squeeze(g: GraphBuilder, value: Value): Value {
	return g.node("Squeeze", [value], { dims: [] });
}

function scalar(g: GraphBuilder, value: number): Value {
	return squeeze(g, g.integers([value]));
}
