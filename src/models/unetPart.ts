/**
 * Which part of a UNet a graph computes. With S skip features (conv_in's output is the first), up layer u (0-based, as they run)
 * consumes skip S-1-u; "decoder d" is the last d up layers, whose input `deep` is the hidden state just before it is joined with skip d-1.
 * Whatever of the features the decoder needs and the encoder of this graph does not compute is an input of the graph.
 */
export interface UnetPart {
	/** "full": down blocks and mid block; a number: what the first that many skip features need. */
	readonly encoder: "full" | number | "none";
	readonly decoder: "full" | number | "none";
	/** Numbers d for which `deep_d`, the input a decoder cut at d would need, is an output too. */
	readonly deepOutputs?: readonly number[];
	/** Blocks whose outputs are outputs too, by name: conv_in, down_blocks.0, down_blocks.0.1 (its second layer), mid_block, up_blocks.3, up_blocks.3.0 … */
	readonly observe?: readonly string[];
	/** Skip features (and `mid`) as outputs although a decoder follows. They are anyway when there is none. */
	readonly features?: boolean;
	/**
	 * The outputs of the cross-attentions (T-GATE, arXiv 2404.02747): as `output` they are outputs of the graph too, as `input` they are inputs in
	 * place of `encoder_hidden_states`. Either way they are called as in the checkpoint behind `CROSS_ATTENTION`, `[batch, pixels, channels]`.
	 */
	readonly crossAttention?: "output" | "input";
	/**
	 * Token merging (ToMe, arXiv 2303.17604) in the self-attentions at full resolution: this share of the pixels is merged into others.
	 * Inputs `merge_sources` and `merge_targets` `[batch, …]`, which together are the positions 0 … pixels − 1 of all pixels, say which may be
	 * merged and which stay.
	 */
	readonly mergeTokens?: number;
}

/** What the names of cross-attention outputs begin with. */
export const CROSS_ATTENTION = "cross_attention.";

/** Sizes a UNet graph is counted for: of the latents, and tokens of text. The graph itself takes any. */
export interface UnetDims {
	readonly batch: number;
	readonly height: number;
	readonly width: number;
	readonly tokens: number;
}
