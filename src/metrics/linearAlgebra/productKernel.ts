/** A block of a row-major matrix of doubles: element (i, k) is `data[offset + i * stride + k]`. */
export interface Block {
	readonly data: Float64Array;
	readonly offset: number;
	readonly stride: number;
}

/** Edge of the tiles that stay in the cache while they are multiplied. */
const tile = 64;

/**
 * `target += scale · left · rightᵀ` for `rows` × `columns` elements and an inner length of `depth`, all row-major, so
 * that both factors are read along their rows. With `lower` only elements with column ≤ row (and a few beside the
 * diagonal) are computed: half the work where the result is symmetric.
 */
export function addProduct(
	target: Block,
	left: Block,
	right: Block,
	rows: number,
	columns: number,
	depth: number,
	scale: number,
	lower = false,
): void {
	const depthTile = 256;
	for (let k = 0; k < depth; k += depthTile) {
		const length = Math.min(depthTile, depth - k);
		for (let i = 0; i < rows; i += tile) {
			const height = Math.min(tile, rows - i);
			const limit = lower ? Math.min(columns, i + height) : columns;
			for (let j = 0; j < limit; j += tile)
				addTile(
					target.data,
					target.offset + i * target.stride + j,
					target.stride,
					left.data,
					left.offset + i * left.stride + k,
					left.stride,
					right.data,
					right.offset + j * right.stride + k,
					right.stride,
					height,
					Math.min(tile, limit - j),
					length,
					scale,
				);
		}
	}
}

/** One tile: 2 × 4 sums at a time live in registers, so that each value loaded is used several times. */
function addTile(
	c: Float64Array,
	cOffset: number,
	cStride: number,
	a: Float64Array,
	aOffset: number,
	aStride: number,
	b: Float64Array,
	bOffset: number,
	bStride: number,
	rows: number,
	columns: number,
	depth: number,
	scale: number,
): void {
	const evenRows = rows - (rows % 2);
	const evenColumns = columns - (columns % 4);
	for (let j = 0; j < evenColumns; j += 4) {
		const b0 = bOffset + j * bStride;
		const b1 = b0 + bStride;
		const b2 = b1 + bStride;
		const b3 = b2 + bStride;
		for (let i = 0; i < evenRows; i += 2) {
			const a0 = aOffset + i * aStride;
			const a1 = a0 + aStride;
			let s00 = 0;
			let s01 = 0;
			let s02 = 0;
			let s03 = 0;
			let s10 = 0;
			let s11 = 0;
			let s12 = 0;
			let s13 = 0;
			for (let k = 0; k < depth; k++) {
				const x0 = a[a0 + k];
				const x1 = a[a1 + k];
				const y0 = b[b0 + k];
				const y1 = b[b1 + k];
				const y2 = b[b2 + k];
				const y3 = b[b3 + k];
				s00 += x0 * y0;
				s01 += x0 * y1;
				s02 += x0 * y2;
				s03 += x0 * y3;
				s10 += x1 * y0;
				s11 += x1 * y1;
				s12 += x1 * y2;
				s13 += x1 * y3;
			}
			const c0 = cOffset + i * cStride + j;
			c[c0] += scale * s00;
			c[c0 + 1] += scale * s01;
			c[c0 + 2] += scale * s02;
			c[c0 + 3] += scale * s03;
			const c1 = c0 + cStride;
			c[c1] += scale * s10;
			c[c1 + 1] += scale * s11;
			c[c1 + 2] += scale * s12;
			c[c1 + 3] += scale * s13;
		}
	}
	for (let i = 0; i < rows; i++)
		for (let j = i < evenRows ? evenColumns : 0; j < columns; j++) {
			let sum = 0;
			for (let k = 0; k < depth; k++)
				sum += a[aOffset + i * aStride + k] * b[bOffset + j * bStride + k];
			c[cOffset + i * cStride + j] += scale * sum;
		}
}
