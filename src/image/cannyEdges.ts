import type { Pixels } from "./resize/pixels.js";

/** What a pixel may be: no edge, an edge if it hangs together with a sure one, an edge. */
const NONE = 0;
const WEAK = 1;
const STRONG = 2;
/** tan 22.5°, in 2^15ths: directions are told apart with whole numbers. */
const TAN_22 = 13573;
const SHIFT = 32768;

/**
 * Edges by Canny's algorithm, as OpenCV's `Canny(image, low, high)` finds them: Sobel's derivatives with 3 x 3 pixels, at each pixel those of the
 * channel where |dx| + |dy| is largest; thinned to the maxima across the edge; those above `high`, and what hangs together with them above `low`.
 * Beyond its borders the picture goes on as its outermost pixels.
 * @returns three channels, 255 at edges and 0 elsewhere
 */
export function cannyEdges(
	image: Pixels,
	lowThreshold: number,
	highThreshold: number,
): Pixels {
	const [low, high] = [lowThreshold, highThreshold]
		.map(Math.floor)
		.sort((a, b) => a - b);
	const { width, height } = image;
	const found = thinned(derivatives(image), width, height, low, high);
	const open = [...found.keys()].filter((at) => found[at] === STRONG);
	for (let at = open.pop(); at !== undefined; at = open.pop()) {
		const [x, y] = [at % width, Math.floor(at / width)];
		for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++)
			for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
				const near = v * width + u;
				if (found[near] !== WEAK) continue;
				found[near] = STRONG;
				open.push(near);
			}
	}
	const data = new Uint8Array(3 * width * height);
	for (const [at, kind] of found.entries())
		if (kind === STRONG) data.fill(255, 3 * at, 3 * at + 3);
	return { width, height, channels: 3, data };
}

interface Derivatives {
	readonly dx: Int32Array;
	readonly dy: Int32Array;
}

function derivatives({ width, height, channels, data }: Pixels): Derivatives {
	const dx = new Int32Array(width * height);
	const dy = new Int32Array(width * height);
	for (let y = 0; y < height; y++) {
		const rows = [Math.max(0, y - 1), y, Math.min(height - 1, y + 1)];
		for (let x = 0; x < width; x++) {
			const columns = [Math.max(0, x - 1), x, Math.min(width - 1, x + 1)];
			const at = y * width + x;
			let largest = -1;
			for (let c = 0; c < channels; c++) {
				const value = (row: number, column: number) =>
					data[(rows[row] * width + columns[column]) * channels + c];
				const gx =
					value(0, 2) -
					value(0, 0) +
					2 * (value(1, 2) - value(1, 0)) +
					value(2, 2) -
					value(2, 0);
				const gy =
					value(2, 0) -
					value(0, 0) +
					2 * (value(2, 1) - value(0, 1)) +
					value(2, 2) -
					value(0, 2);
				const size = Math.abs(gx) + Math.abs(gy);
				if (size <= largest) continue;
				largest = size;
				dx[at] = gx;
				dy[at] = gy;
			}
		}
	}
	return { dx, dy };
}

/** Pixels whose derivative is above `low` and larger than those of both neighbours across the edge. */
function thinned(
	{ dx, dy }: Derivatives,
	width: number,
	height: number,
	low: number,
	high: number,
): Uint8Array {
	const found = new Uint8Array(width * height).fill(NONE);
	const size = (x: number, y: number) => {
		if (x < 0 || y < 0 || x >= width || y >= height) return 0;
		const at = y * width + x;
		return Math.abs(dx[at]) + Math.abs(dy[at]);
	};
	for (let y = 0; y < height; y++)
		for (let x = 0; x < width; x++) {
			const own = size(x, y);
			if (own <= low) continue;
			const at = y * width + x;
			const across = Math.abs(dx[at]) * TAN_22;
			const down = Math.abs(dy[at]) * SHIFT;
			const slant = dx[at] < 0 !== dy[at] < 0 ? -1 : 1;
			// of two equal neighbours the latter counts, where the edge lies level or upright
			const isLargest =
				down < across
					? own > size(x - 1, y) && own >= size(x + 1, y)
					: down > across + Math.abs(dx[at]) * 2 * SHIFT
						? own > size(x, y - 1) && own >= size(x, y + 1)
						: own > size(x - slant, y - 1) && own > size(x + slant, y + 1);
			if (isLargest) found[at] = own > high ? STRONG : WEAK;
		}
	return found;
}
