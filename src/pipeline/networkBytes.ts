import type { Precision } from "../runtime/session.js";
import { elementCount } from "../tensor/tensor.js";
import type { NetworkFiles } from "../weights/folder/modelFiles.js";

/** Weights up to this many bytes all stay in memory. */
export const SMALL_MODEL = 2 ** 30;

/** Bytes of all weights of some networks. */
export function weightBytes(networks: readonly NetworkFiles[]): number {
	let total = 0;
	for (const { weights } of networks)
		for (const { length } of weights.tensors.values()) total += length;
	return total;
}

/** Bytes of all weights of some networks as they are computed with. */
export function loadedBytes(
	networks: readonly NetworkFiles[],
	precision: Precision = "float32",
): number {
	let values = 0;
	for (const { weights } of networks)
		for (const { shape } of weights.tensors.values())
			values += elementCount(shape);
	return values * (precision === "float32" ? 4 : 2);
}
