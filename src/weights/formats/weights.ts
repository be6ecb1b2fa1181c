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
	/** What is added to the weights of layers, by the layer's dotted name (its weight's without `.weight`). */
	readonly adapters?: ReadonlyMap<string, readonly LowRank[]>;
}

/**
 * A low-rank addition to a linear layer or a convolution (Hu et al. 2021, "LoRA"): scale · up(down(x)) is added to what the layer gives.
 * `down` `[rank, in, …]`, of the layer's kernel, and `up` `[out, rank]` are names among the tensors of the same weights.
 */
export interface LowRank {
	readonly down: string;
	readonly up: string;
	readonly rank: number;
	readonly scale: number;
}
