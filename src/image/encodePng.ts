import { joinBytes, PNG_SIGNATURE, pngChunk } from "./pngText.js";
import type { RgbImage } from "./rgbImage.js";

const BITS = 8;
const RGB = 2;
/** Bytes of a pixel. */
const STEP = 3;

/**
 * A picture as a PNG, value for value. Made without a canvas: browsers that hide who their user is (Firefox's and Safari's private windows)
 * change values of what pages read from one.
 */
export async function encodePng({
	width,
	height,
	data,
}: RgbImage): Promise<Uint8Array<ArrayBuffer>> {
	const header = new Uint8Array(13);
	const view = new DataView(header.buffer);
	view.setUint32(0, width);
	view.setUint32(4, height);
	header.set([BITS, RGB], 8);
	const length = STEP * width;
	const lines = new Uint8Array((length + 1) * height);
	let above: Row = new Uint8Array(length);
	for (let y = 0; y < height; y++) {
		const row = data.subarray(y * length, (y + 1) * length);
		const [filter, line] = filtered(row, above);
		lines[y * (length + 1)] = filter;
		lines.set(line, y * (length + 1) + 1);
		above = row;
	}
	return joinBytes([
		Uint8Array.from(PNG_SIGNATURE),
		pngChunk("IHDR", header),
		pngChunk("IDAT", await deflated(lines)),
		pngChunk("IEND", new Uint8Array(0)),
	]);
}

type Row = Uint8Array | Uint8ClampedArray;

/** What a value is expected to be, from those left of it, above it and above the left one: PNG's filters 0 to 4. */
const PREDICTORS: readonly ((a: number, b: number, c: number) => number)[] = [
	() => 0,
	(left) => left,
	(_, above) => above,
	(left, above) => (left + above) >> 1,
	(left, above, corner) => {
		const byLeft = Math.abs(above - corner);
		const byAbove = Math.abs(left - corner);
		const byCorner = Math.abs(left + above - 2 * corner);
		if (byLeft <= byAbove && byLeft <= byCorner) return left;
		return byAbove <= byCorner ? above : corner;
	},
];

/** A row as differences from what each filter expects, by the filter that leaves the least. */
function filtered(row: Row, above: Row): [filter: number, line: Uint8Array] {
	let best: [number, Uint8Array] = [0, new Uint8Array(0)];
	let least = Number.POSITIVE_INFINITY;
	for (const [filter, predict] of PREDICTORS.entries()) {
		const line = new Uint8Array(row.length);
		let sum = 0;
		for (let i = 0; i < row.length; i++) {
			const left = i < STEP ? 0 : row[i - STEP];
			const corner = i < STEP ? 0 : above[i - STEP];
			line[i] = row[i] - predict(left, above[i], corner);
			sum += line[i] < 128 ? line[i] : 256 - line[i];
		}
		if (sum >= least) continue;
		least = sum;
		best = [filter, line];
	}
	return best;
}

async function deflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
	const stream = new Blob([bytes])
		.stream()
		.pipeThrough(new CompressionStream("deflate"));
	return new Uint8Array(await new Response(stream).arrayBuffer());
}
