/** Data types of the safetensors format, by the names its headers use. */
export type DType =
	| "BOOL"
	| "F4"
	| "F6_E2M3"
	| "F6_E3M2"
	| "U8"
	| "I8"
	| "F8_E5M2"
	| "F8_E4M3"
	| "F8_E8M0"
	| "F8_E4M3FNUZ"
	| "F8_E5M2FNUZ"
	| "I16"
	| "U16"
	| "F16"
	| "BF16"
	| "I32"
	| "U32"
	| "F32"
	| "C64"
	| "F64"
	| "I64"
	| "U64";

/**
 * Where a tensor lies: bytes `offset` (absolute, from the start of the file) to `offset + length` of a weight file, little
 * endian, row-major. Entries that come out of this room always lie inside their file, and `length` is what `shape` and
 * `dtype` say.
 */
export interface TensorEntry {
	readonly name: string;
	readonly dtype: DType;
	readonly shape: readonly number[];
	/** Key into `Weights.files`. */
	readonly file: string;
	readonly offset: number;
	readonly length: number;
	/** What messages call it, where it is another network's or file's than the weights it stands among. */
	readonly origin?: { readonly label: string; readonly name: string };
}

/**
 * A file that holds weights: on disk (`path` is absolute, links resolved; `size` in bytes), in memory, or in a browser's
 * storage (a File or the Blob of a cached answer, which is read in parts).
 */
export type WeightFile =
	| { readonly path: string; readonly size: number }
	| { readonly bytes: Uint8Array }
	| { readonly blob: Blob };

/**
 * The weights of one network: tensors by diffusers' / transformers' dotted names, and the files they lie in. Nothing of the
 * data is read yet. A key of `files` is the last part of the file's `path`, so that it is a valid ONNX external data
 * location relative to that file's folder.
 */
export interface Weights {
	/** What error messages call them: "DIR/unet" or "FILE (unet)". */
	readonly label: string;
	readonly files: ReadonlyMap<string, WeightFile>;
	readonly tensors: ReadonlyMap<string, TensorEntry>;
	/** What is added to weights and biases of layers, by the layer's dotted name (its weight's without `.weight`). */
	readonly adapters?: ReadonlyMap<string, readonly WeightChange[]>;
}

/** A tensor among those of the same weights, as a factor of a change. */
export interface Factor {
	readonly name: string;
	readonly shape: readonly number[];
}

/**
 * A matrix `[rows, columns]`, the axes after the first taken together: a tensor as it is, or up · down with `up` `[rows, rank]` and `down`
 * `[rank, columns]`, of a convolution also with a core `[rank, rank, kernel, kernel]` between them (a Tucker decomposition).
 */
export type FactoredMatrix =
	| { readonly whole: Factor }
	| {
			readonly up: Factor;
			readonly down: Factor;
			readonly core?: Factor;
			/** `up` is stored `[rank, rows]`. */
			readonly upTransposed?: boolean;
	  };

/**
 * What an adapter does to a weight or bias W: `strength · scale · Δ` is added, where Δ is one matrix (LoRA, Hu et al. 2021; a full
 * difference), the elementwise product of two (LoHa, Hyeon-Woo et al. 2021) or their Kronecker product (LoKr, Yeh et al. 2023).
 * With a magnitude (DoRA, Liu et al. 2024) W becomes W + strength · (D − W), where D is W + scale · Δ with the norms of its rows (or of its
 * input channels) replaced by the magnitude.
 */
export interface WeightChange {
	readonly of: "weight" | "bias";
	readonly matrices: readonly [FactoredMatrix, FactoredMatrix?];
	readonly join?: "hadamard" | "kronecker";
	/** What the file says: alpha / rank. */
	readonly scale: number;
	/** What the user says. */
	readonly strength: number;
	readonly magnitude?: {
		readonly factor: Factor;
		readonly of: "rows" | "inputs";
	};
}
