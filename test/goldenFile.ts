import { readFileSync } from "node:fs";
import { join } from "node:path";

/** An array of a golden file: dims and values (integers too, as numbers). */
export interface GoldenArray {
	readonly dims: number[];
	readonly data: Float32Array | Float64Array | Int32Array | Uint8Array;
}

/**
 * Reads `test/golden/NAME.safetensors` as written by safetensors.numpy.save_file (float32, float64, int32, uint8).
 * Written apart from the product's own reader, so that a fault of that one cannot hide here.
 */
export function readGolden(name: string): Map<string, GoldenArray> {
	const file = readFileSync(
		join(import.meta.dirname, "golden", `${name}.safetensors`),
	);
	const headerLength = Number(file.readBigUInt64LE(0));
	const header = JSON.parse(
		file.subarray(8, 8 + headerLength).toString("utf8"),
	) as Record<
		string,
		{ dtype: string; shape: number[]; data_offsets: [number, number] }
	>;
	const arrays = new Map<string, GoldenArray>();
	for (const [key, entry] of Object.entries(header)) {
		if (key === "__metadata__") continue;
		const bytes = file.subarray(
			8 + headerLength + entry.data_offsets[0],
			8 + headerLength + entry.data_offsets[1],
		);
		const { buffer } = new Uint8Array(bytes);
		const views: Record<string, () => GoldenArray["data"]> = {
			F32: () => new Float32Array(buffer),
			F64: () => new Float64Array(buffer),
			I32: () => new Int32Array(buffer),
			U8: () => new Uint8Array(buffer),
		};
		const view = views[entry.dtype];
		if (!view) throw new Error(`${name}: ${key} is ${entry.dtype}`);
		arrays.set(key, { dims: entry.shape, data: view() });
	}
	return arrays;
}

/** Relative L2 error of `actual` to `expected`: ‖actual − expected‖ / ‖expected‖. NaN where they have other lengths. */
export function relativeError(
	actual: ArrayLike<number>,
	expected: ArrayLike<number>,
): number {
	if (actual.length !== expected.length) return Number.NaN;
	let difference = 0;
	let norm = 0;
	for (let i = 0; i < expected.length; i++) {
		difference += (actual[i] - expected[i]) ** 2;
		norm += expected[i] ** 2;
	}
	return Math.sqrt(difference) / Math.sqrt(norm || 1);
}
