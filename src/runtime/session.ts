import type { Tensor } from "../tensor/tensor.js";

/** A dense array of whole numbers, such as token ids. */
export interface IntTensor {
	readonly dims: readonly number[];
	readonly data: Int32Array | BigInt64Array;
}

/** A loaded network. */
export interface Session {
	readonly inputs: readonly string[];
	readonly outputs: readonly string[];
	/**
	 * Runs the network: all outputs by name. Of `inputs` it takes those that it has and ignores others, since parts of one network
	 * differ in what they need.
	 * @throws RangeError when one of its inputs is missing; UserError when the device runs out of memory.
	 */
	run(
		inputs: Readonly<Record<string, Tensor | IntTensor>>,
	): Promise<Record<string, Tensor>>;
	/**
	 * Makes ready for inputs of these sizes. `run` does the same where it was not done: to be called where loading is to be told from running.
	 */
	prepare?(
		inputs: Readonly<Record<string, Pick<Tensor, "dims">>>,
	): Promise<void>;
	/** Frees the network's memory; it cannot run afterwards. A second call does nothing. */
	release(): Promise<void>;
}

/** What a network can run on. */
export const devices = [
	"cpu",
	"cuda",
	"coreml",
	"dml",
	"webgpu",
	"gpu",
	"npu",
	"wasm",
] as const;
export type Device = (typeof devices)[number];

/** What a network computes in. Inputs and outputs are float32 in all of them. */
export const precisions = ["float32", "bfloat16", "float16"] as const;
export type Precision = (typeof precisions)[number];

export interface SessionOptions {
	/** "cpu" unless given. */
	readonly device?: Device;
	/** "float32" unless given. */
	readonly precision?: Precision;
	/** Threads inside an operator; as many as there are cores unless given. */
	readonly threads?: number;
	/**
	 * "extended" loads fast and leaves the weights mapped from their files; "all" (default) also rearranges weights for the processor: slower to
	 * load, more memory, faster to run.
	 */
	readonly optimization?: "extended" | "all";
}

/** Token ids `[batch, tokens]`. */
export function intRows(rows: readonly (readonly number[])[]): IntTensor {
	return {
		dims: [rows.length, rows[0]?.length ?? 0],
		data: Int32Array.from(rows.flat()),
	};
}
