import type { Tensor } from "../tensor/tensor.js";

type Outputs = Readonly<Record<string, Tensor>>;

/** What text encoders made of prompts, kept for when the same ones come again: those used last, up to a number of bytes. */
export interface TextCache {
	/** What was kept under the key, or what `encode` makes now. */
	of(key: string, encode: () => Promise<Outputs>): Promise<Outputs>;
	clear(): void;
}

/** A cache of at most so many bytes of tensors. */
export function textCache(mostBytes: number): TextCache {
	/** In the order of their last use. */
	const kept = new Map<string, Outputs>();
	let bytes = 0;

	function drop(key: string): void {
		bytes -= bytesOf(kept.get(key));
		kept.delete(key);
	}

	return {
		async of(key, encode) {
			const known = kept.get(key);
			const outputs = known ?? (await encode());
			drop(key);
			if (bytesOf(outputs) > mostBytes) return outputs;
			kept.set(key, outputs);
			bytes += bytesOf(outputs);
			for (const oldest of kept.keys()) {
				if (bytes <= mostBytes) break;
				drop(oldest);
			}
			return outputs;
		},
		clear() {
			kept.clear();
			bytes = 0;
		},
	};
}

const bytesOf = (outputs: Outputs = {}) =>
	Object.values(outputs).reduce((sum, { data }) => sum + data.byteLength, 0);
