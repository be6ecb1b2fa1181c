/** Feature vectors, one a row: `data[row * width + feature]`. */
export interface Features {
	readonly count: number;
	readonly width: number;
	readonly data: Float32Array;
}

/** Inner products of every row of `left` with every row of `right`, `[left.count, right.count]`. */
export type InnerProducts = (
	left: Features,
	right: Features,
) => Promise<Float32Array | Float64Array>;
