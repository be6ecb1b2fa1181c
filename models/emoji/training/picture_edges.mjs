// Edges of pictures, as `--control-edges` finds them (`npm run build` first): from the standard input, bytes of 128x128 RGB pictures one after
// the other; to the standard output a byte a pixel.
// usage: node picture_edges.mjs LOW,HIGH
import { readFileSync, writeSync } from "node:fs";
import { cannyEdges } from "../../../dist/image/cannyEdges.js";

const [low, high] = process.argv[2].split(",").map(Number);
const size = 128;
const pictures = readFileSync(0);
const edges = new Uint8Array(pictures.length / 3);
for (let at = 0; at < pictures.length; at += 3 * size * size) {
	const data = pictures.subarray(at, at + 3 * size * size);
	const found = cannyEdges(
		{ width: size, height: size, channels: 3, data },
		low,
		high,
	);
	for (let i = 0; i < size * size; i++) edges[at / 3 + i] = found.data[3 * i];
}
for (let at = 0; at < edges.length; )
	at += writeSync(1, edges, at, edges.length - at);
