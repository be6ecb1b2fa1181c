import type { Graph } from "../graph/graph.js";
import {
	type GraphBuilder,
	graphBuilder,
	type Value,
} from "../graph/graphBuilder.js";
import type { GraphFlavour } from "../graph/graphFlavour.js";
import { add } from "../graph/layers/arithmetic.js";
import { layerNorm } from "../graph/layers/layerNorm.js";
import { linear } from "../graph/layers/linear.js";
import type { Factor, Weights } from "../weights/formats/weights.js";
import type { ClipTextConfig } from "./clipConfig.js";
import { clipLayer } from "./clipLayer.js";

export interface ClipTextOptions {
	/** Layers left out at the end for `hidden_states` (clip skip, as diffusers counts: 1 takes the last but one layer's output, and norms it). */
	readonly clipSkip?: number;
	/** Vectors `[count, features]` among the weights that stand for the ids after the vocabulary's, in order. */
	readonly addedTokens?: readonly Factor[];
	/** The output `pooled`: the last layer's state at the end of the text, `[batch, features]`. */
	readonly pooled?: boolean;
	/** The output `text_embeds`: `pooled` in the joint text and image space. */
	readonly projection?: boolean;
}

/**
 * CLIP's text encoder (Radford et al. 2021; transformers' CLIPTextModel) as a graph. Input `input_ids` int32 [batch, tokens]; outputs
 * `hidden_states` [batch, tokens, features] after the final layer norm, and `pooled` and `text_embeds` if asked for.
 * @throws UserError when a weight is missing or of another shape. RangeError when clipSkip leaves no layer.
 */
export function buildClipText(
	config: ClipTextConfig,
	weights: Weights | null,
	options: ClipTextOptions,
	dims: { readonly batch: number; readonly tokens: number },
	flavour?: GraphFlavour,
): Graph {
	const {
		clipSkip = 0,
		pooled = false,
		projection = false,
		addedTokens = [],
	} = options;
	if (
		!(Number.isInteger(clipSkip) && clipSkip >= 0 && clipSkip < config.layers)
	)
		throw new RangeError(
			`clip skip ${clipSkip}: this text encoder has ${config.layers} layers, so 0 to ${config.layers - 1} can be skipped`,
		);
	const root = graphBuilder(weights, flavour);
	const g = textModel(root);
	const ids = root.input(
		"input_ids",
		["batch", "tokens"],
		[dims.batch, dims.tokens],
		"int32",
	);
	const last = pooled || projection ? config.layers : config.layers - clipSkip;
	const states = [embeddings(g.at("embeddings"), ids, config, addedTokens)];
	for (let layer = 0; layer < last; layer++)
		states.push(
			clipLayer(g.at("encoder.layers", layer), states[layer], config, {
				causal: true,
			}),
		);
	const normed = (state: Value) =>
		layerNorm(g.at("final_layer_norm"), state, config.normEpsilon);
	root.output("hidden_states", normed(states[config.layers - clipSkip]));
	if (pooled || projection) {
		const end = atEndOfText(g, normed(states[config.layers]), ids, config);
		if (pooled) root.output("pooled", end);
		if (projection)
			root.output(
				"text_embeds",
				linear(root.at("text_projection"), end, config.projectionFeatures, {
					bias: false,
				}),
			);
	}
	return root.finish();
}

/** Stable Diffusion's folders name the weights `text_model.…`, transformers 5 leaves that out. */
function textModel(g: GraphBuilder): GraphBuilder {
	const prefixed = g.at("text_model");
	const known = "embeddings.token_embedding.weight";
	return prefixed.has(known) || !g.has(known) ? prefixed : g;
}

/** Each token's row of the table, plus its position's. */
function embeddings(
	g: GraphBuilder,
	ids: Value,
	{ vocabSize, maxTokens, features }: ClipTextConfig,
	addedTokens: readonly Factor[],
): Value {
	const [batch, tokens] = ids.dims;
	const dims = [batch, tokens, features];
	const table = g.weight("token_embedding.weight", [vocabSize, features]);
	const positions = g.weight("position_embedding.weight", [
		maxTokens,
		features,
	]);
	const count = g.node("Gather", [g.shapeOf(ids), g.integers([1])], {
		dims: [1],
	});
	const rows = g.node(
		"Slice",
		[positions, g.integers([0]), count, g.integers([0])],
		{
			dims: [tokens, features],
		},
	);
	const states =
		addedTokens.length > 0
			? withAddedTokens(g, table, ids, addedTokens, vocabSize)
			: g.node("Gather", [table, ids], { dims });
	return add(g, states, rows);
}

/** Ids after the vocabulary's are rows of another table: the large one is not copied for them. */
function withAddedTokens(
	g: GraphBuilder,
	table: Value,
	ids: Value,
	addedTokens: readonly Factor[],
	vocabSize: number,
): Value {
	const features = table.dims[1];
	const dims = [...ids.dims, features];
	const parts = addedTokens.map(({ name, shape }) =>
		g.root().weight(name, shape, { as: [shape[0], features] }),
	);
	const count = addedTokens.reduce((sum, { shape }) => sum + shape[0], 0);
	const added = g.node("Concat", parts, {
		dims: [count, features],
		attributes: { axis: 0n },
	});
	const wide = asInt64(g, ids);
	const operation = (operator: string, a: Value, b: number) =>
		g.node(operator, [a, g.integers([b])], { dims: ids.dims });
	const known = g.node(
		"Gather",
		[table, operation("Min", wide, vocabSize - 1)],
		{ dims },
	);
	const beyond = operation("Max", operation("Sub", wide, vocabSize), 0);
	const own = g.node("Gather", [added, beyond], { dims });
	const isAdded = g.node(
		"Unsqueeze",
		[operation("GreaterOrEqual", wide, vocabSize), g.integers([-1])],
		{ dims: [...ids.dims, 1] },
	);
	return g.node("Where", [isAdded, own, known], { dims });
}

/** Of `[batch, tokens, features]`, the state at the first end token of each text. */
function atEndOfText(
	g: GraphBuilder,
	states: Value,
	ids: Value,
	{ endToken }: ClipTextConfig,
): Value {
	const [batch, , features] = states.dims;
	const marks =
		endToken === "highest"
			? ids
			: g.node(
					"Cast",
					[
						g.node("Equal", [asInt64(g, ids), g.integers([endToken])], {
							dims: ids.dims,
						}),
					],
					{ dims: ids.dims, attributes: { to: 6n } },
				);
	const place = g.node("ArgMax", [marks], {
		dims: [batch, 1],
		attributes: { axis: 1n, keepdims: 1n },
	});
	return g.node("GatherND", [states, place], {
		dims: [batch, features],
		attributes: { batch_dims: 1n },
	});
}

function asInt64(g: GraphBuilder, x: Value): Value {
	return g.node("Cast", [x], { dims: x.dims, attributes: { to: 7n } });
}
