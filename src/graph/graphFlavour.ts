/**
 * How a network is written as a graph, where engines differ in what they can run or run well. Every flavour of a network computes the same
 * within rounding. An engine says which one it wants before the graph is built.
 */
export interface GraphFlavour {
	/**
	 * `fused`: one MultiHeadAttention operator, which never builds the matrix of scores. `sliced`: that operator for some of the queries at a time
	 * where there are many, for engines that count its work in 32 bits. `plain`: products and a softmax, for engines whose fused operator is
	 * missing, wrong, or limited in size.
	 */
	readonly attention: "fused" | "sliced" | "plain";
	/**
	 * How linear layers read torch's `[out, in]` weights: `inPlace` by a product that takes them transposed as they lie in the file
	 * (FusedMatMul), `transposed` by MatMul over a Transpose that the engine folds when it loads the graph, at the price of a copy.
	 */
	readonly linearWeights: "inPlace" | "transposed";
	/** The type that networks compute in; inputs and outputs are float32 in both. Timesteps and positions stay float32. */
	readonly compute: "float32" | "float16";
	/** Whether the sinusoids of a timestep are computed in the graph or are the input `time_features`, for engines with inexact sines. */
	readonly sinusoids: "graph" | "input";
	/**
	 * How a convolution of a doubled feature map is written: `parts` as four 2x2 convolutions of the map itself (4/9 of the work), `plain` as a
	 * resize and the 3x3 convolution.
	 */
	readonly upsampling: "parts" | "plain";
	/**
	 * How 3x3 convolutions are written: `direct` as one operator, `winograd` where that is faster as products of matrices with fewer multiplications,
	 * whose weights take up to four times the memory: for engines whose operator is no faster than its multiplications.
	 */
	readonly convolution: "direct" | "winograd";
	/**
	 * How low-rank adapters act: `folded` into the weights of their layers, which the engine computes when it loads the graph (no slower, but the
	 * changed weights take memory), `beside` them as two narrow layers at every run (nothing to compute or store first).
	 */
	readonly lowRank: "folded" | "beside";
}

/** What ONNX Runtime runs best on a CPU. */
export const defaultFlavour: GraphFlavour = {
	attention: "fused",
	linearWeights: "inPlace",
	compute: "float32",
	sinusoids: "graph",
	upsampling: "parts",
	convolution: "direct",
	lowRank: "folded",
};
