import type { Graph } from "../../graph/graph.js";
import {
	type GraphBuilder,
	graphBuilder,
	type Value,
} from "../../graph/graphBuilder.js";
import type { GraphFlavour } from "../../graph/graphFlavour.js";
import { gelu, quickGelu, silu } from "../../graph/layers/activation.js";
import { concat } from "../../graph/layers/arithmetic.js";
import { attention } from "../../graph/layers/attention.js";
import { conv2d } from "../../graph/layers/conv2d.js";
import { geglu } from "../../graph/layers/geglu.js";
import { groupNorm } from "../../graph/layers/groupNorm.js";
import { layerNorm } from "../../graph/layers/layerNorm.js";
import { linear } from "../../graph/layers/linear.js";
import { timestepEmbedding } from "../../graph/layers/timestepEmbedding.js";
import { tokenMerging } from "../../graph/layers/tokenMerging.js";
import {
	gatherTokens,
	imageToTokens,
	tokensToImage,
} from "../../graph/layers/tokens.js";
import { upsampledConv, upsampleLike } from "../../graph/layers/upsample.js";
import {
	type Filtering,
	SQUARES_OF_2,
	SQUARES_OF_4,
	winogradConv,
} from "../../graph/layers/winogradConv.js";
import { elementCount, type Tensor, tensor } from "../../tensor/tensor.js";
import type { TensorEntry, Weights } from "../../weights/formats/weights.js";
import type { IntTensor } from "../session.js";

/** Widths of attention heads: of the embedded model, of Stable Diffusion 1.x and 2.x, of CLIP and of the VAE. */
const HEADS = [16, 40, 48, 64, 160, 512];
/** The width of CLIP's. */
const CAUSAL = 64;
const QUERIES = 64;
/** As many as a prompt has tokens, which is no multiple of anything. */
const KEYS = 77;

type Families = Readonly<Record<string, (g: GraphBuilder) => Value>>;

/** The layers that the networks are made of but for attention, by what messages call them. */
const LAYERS: Families = {
	"linear layer": (g) => linear(g, map(g, "tokens", [2, QUERIES, 48]), 80),
	"gated linear unit": (g) => geglu(g, map(g, "tokens", [2, QUERIES, 48]), 64),
	"3x3 convolution": (g) => conv2d(g, image(g), 24),
	"convolution in squares of 2": (g) => inSquares(g, SQUARES_OF_2),
	"convolution in squares of 4": (g) => inSquares(g, SQUARES_OF_4),
	"strided convolution": (g) => conv2d(g, image(g), 24, { stride: 2 }),
	"1x1 convolution": (g) => conv2d(g, image(g), 24, { kernel: 1 }),
	"group norm": (g) => groupNorm(g, image(g), 8, 1e-5),
	"layer norm": (g) => layerNorm(g, map(g, "tokens", [2, QUERIES, 48]), 1e-5),
	silu: (g) => silu(g, image(g)),
	gelu: (g) => gelu(g, image(g)),
	"quick gelu": (g) => quickGelu(g, image(g)),
	concatenation: (g) => concat(g, image(g), silu(g, image(g))),
	upsampling: (g) => upsampledConv(g, image(g), 24),
	"upsampling to a size": (g) =>
		upsampleLike(g, image(g), map(g, "odd", [2, 3, 15, 17])),
	"pixels as tokens": (g) =>
		tokensToImage(g, silu(g, imageToTokens(g, image(g))), image(g)),
	"token selection": (g) =>
		gatherTokens(
			g,
			map(g, "tokens", [2, QUERIES, 48]),
			positions(g, "chosen", 20),
		),
	"token merging": (g) => {
		const tokens = map(g, "tokens", [2, QUERIES, 48]);
		const { merge, unmerge } = tokenMerging(g, tokens, {
			sources: positions(g, "sources", 48),
			targets: positions(g, "targets", 16),
			ratio: 0.5,
		});
		return unmerge(silu(g, merge(tokens)));
	},
	sinusoids: (g) =>
		g.flavour.sinusoids === "input"
			? silu(g, map(g, "time_features", [4, 32]))
			: timestepEmbedding(
					g,
					g.input("timestep", ["steps"], [4], "float32"),
					32,
					{
						cosineFirst: true,
						shift: 0,
					},
				),
};

/** A 3x3 convolution as engines that ask for it have it written. */
function inSquares(g: GraphBuilder, filtering: Filtering): Value {
	return g.flavour.convolution === "winograd"
		? winogradConv(g, image(g), 24, filtering)
		: conv2d(g, image(g), 24, { bias: false });
}

/** Attention over prompts and pixels: the most intricate operator, which drivers are wrong about the most often. */
const ATTENTION: Families = Object.fromEntries([
	...HEADS.map((width) => [
		`attention, heads of ${width}`,
		(g: GraphBuilder) => attended(g, width, KEYS),
	]),
	[
		`causal attention, heads of ${CAUSAL}`,
		(g: GraphBuilder) => attended(g, CAUSAL, QUERIES),
	],
]);

const FAMILIES = { attention: ATTENTION, "other layers": LAYERS } as const;

/** What is checked at a time. */
export type CheckedPart = keyof typeof FAMILIES;
export const checkedParts = Object.keys(FAMILIES) as readonly CheckedPart[];

function attended(g: GraphBuilder, width: number, keys: number): Value {
	const features = featuresOf(width);
	return attention(
		g,
		map(g, `q${width}`, [2, QUERIES, features]),
		map(g, `k${keys}_${width}`, [2, keys, features]),
		map(g, `v${keys}_${width}`, [2, keys, features]),
		{ heads: features / width, causal: keys === QUERIES },
	);
}

/** Two heads, of the VAE's wide ones one. */
const featuresOf = (width: number) => (width > 160 ? width : 2 * width);

/** Inputs of the graph so far, so that layers share them. */
const known = new WeakMap<GraphFlavour, Map<string, Value>>();

function map(g: GraphBuilder, name: string, dims: readonly number[]): Value {
	const inputs = known.get(g.flavour) ?? new Map<string, Value>();
	known.set(g.flavour, inputs);
	const value =
		inputs.get(name) ??
		g.root().input(
			name,
			dims.map((_, axis) => `${name}:${axis}`),
			dims,
		);
	inputs.set(name, value);
	return value;
}

const image = (g: GraphBuilder) => map(g, "image", [2, 16, 8, 9]);

/** Positions of tokens, `[2, count]` int64. */
function positions(g: GraphBuilder, name: string, count: number): Value {
	return g.node(
		"Cast",
		[g.root().input(name, ["batch", name], [2, count], "float32")],
		// int64, as TensorProto numbers types
		{ dims: [2, count], attributes: { to: 7n } },
	);
}

/** One graph with a layer of every family of a part, each an output of the family's name. */
export function checkGraph(flavour: GraphFlavour, part: CheckedPart): Graph {
	// a flavour of its own: it is also the key of the inputs
	const g = graphBuilder(checkWeights(part), { ...flavour });
	for (const [name, layer] of Object.entries(FAMILIES[part]))
		g.output(name, layer(g.at(name.replaceAll(/[ ,.-]+/g, "_"))));
	return { ...g.finish(), label: "the self-check" };
}

/** Its inputs, the same everywhere. */
export function checkInputs(): Record<string, Tensor | IntTensor> {
	const inputs: Record<string, Tensor> = {
		tokens: numbers("tokens", [2, QUERIES, 48], 2),
		image: numbers("image", [2, 16, 8, 9], 2),
		odd: numbers("odd", [2, 3, 15, 17], 1),
		time_features: numbers("time", [4, 32], 1),
		timestep: tensor([4], Float32Array.of(0, 1, 500, 999)),
		chosen: picked(20, (i) => 3 * i),
		sources: picked(48, (i) => i + Math.floor(i / 3) + 1),
		targets: picked(16, (i) => 4 * i),
	};
	for (const width of HEADS) {
		const features = featuresOf(width);
		inputs[`q${width}`] = numbers(`q${width}`, [2, QUERIES, features], 2);
		for (const keys of [QUERIES, KEYS])
			for (const kind of ["k", "v"]) {
				const name = `${kind}${keys}_${width}`;
				inputs[name] = numbers(name, [2, keys, features], 2);
			}
	}
	return inputs;
}

function picked(count: number, at: (i: number) => number): Tensor {
	const row = Array.from({ length: count }, (_, i) => at(i));
	return tensor([2, count], Float32Array.from([...row, ...row]));
}

/** Numbers from -range to range that float16 holds exactly, from a generator of 32 bits (Numerical Recipes' constants). */
function numbers(name: string, dims: readonly number[], range: number): Tensor {
	const result = tensor(dims);
	let state = 0;
	for (const letter of name)
		state = (Math.imul(state, 31) + letter.charCodeAt(0)) >>> 0;
	for (let i = 0; i < result.data.length; i++) {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		result.data[i] = (((state >>> 20) - 2048) / 2048) * range;
	}
	return result;
}

/** Weights for every layer, in memory: whatever a layer asks for is there. */
function checkWeights(part: CheckedPart): Weights {
	const shapes = new Map<string, readonly number[]>();
	const asked = graphBuilder(null);
	for (const [name, layer] of Object.entries(FAMILIES[part]))
		layer(asked.at(name.replaceAll(/[ ,.-]+/g, "_")));
	for (const [name, shape] of asked.finish().tensors) shapes.set(name, shape);
	const tensors = new Map<string, TensorEntry>();
	const bytes = new Uint8Array(
		4 * [...shapes.values()].reduce((sum, dims) => sum + elementCount(dims), 0),
	);
	let offset = 0;
	for (const [name, shape] of shapes) {
		const { data } = numbers(name, shape, shape.length > 1 ? 0.25 : 1);
		bytes.set(new Uint8Array(data.buffer), offset);
		const length = data.byteLength;
		tensors.set(name, {
			name,
			dtype: "F32",
			shape,
			file: "check",
			offset,
			length,
		});
		offset += length;
	}
	return {
		label: "the self-check",
		files: new Map([["check", { bytes }]]),
		tensors,
	};
}
