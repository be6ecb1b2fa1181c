import type { WeightFile } from "../weights/formats/weights.js";

/** Says where an engine finds what lies in one of a graph's files from `offset` on. */
export type PlaceData = (
	file: string,
	offset: bigint,
) => { readonly location: string; readonly offset: bigint };

/** A network (or a part of one), ready for a session: an ONNX model whose initializers point into weight files. */
export interface Graph {
	/** What messages call it: the label of its weights. */
	readonly label: string;
	/**
	 * Writes the network as a serialised ONNX ModelProto. Its external data are where `place` says; without it their locations are keys of
	 * `files`. Empty when only shapes were asked for.
	 */
	readonly model: (place?: PlaceData) => Uint8Array;
	readonly files: ReadonlyMap<string, WeightFile>;
	readonly inputs: readonly string[];
	readonly outputs: readonly string[];
	/** Floating-point operations of one run at the sizes it was built for: 2 per multiply-add of convolutions, linear layers and attention; the rest is not counted. */
	readonly flops: number;
	/** Every weight the network reads, with the shape it expects. */
	readonly tensors: ReadonlyMap<string, readonly number[]>;
}
