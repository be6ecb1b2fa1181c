import type { GraphBuilder, Value } from "../graphBuilder.js";
import { conv2d } from "./conv2d.js";
import { type WinogradTile, winogradConv2d } from "./winogradConv2d.js";

/** Below this many multiply-adds the many small operators of Winograd's way cost more than they save. */
const WORTH_TRANSFORMING = 2e8;

/** Fewer pixels than this (of all images of the batch) do not fill the products. */
const FEWEST_PIXELS = 512;

/**
 * Transformed weights of at most so many bytes are worth their memory and loading time: in Stable Diffusion v1.5 4x4 tiles at its first
 * level and 2x2 at its second; the deep levels, where nearly all the weights are, stay as they are.
 */
const LARGEST_WEIGHTS: Readonly<Record<WinogradTile, number>> = {
	4: 48e6,
	2: 80e6,
};

/**
 * `conv2d` with kernel 3, stride 1 and "same" padding, the fastest way there is for its size.
 * @param sizeMultiple what height and width are multiples of whenever the graph runs; 1 when nothing is known
 */
export function squareConv2d(
	g: GraphBuilder,
	x: Value,
	outChannels: number,
	sizeMultiple: number,
): Value {
	const tile = winogradTile(x, outChannels, sizeMultiple);
	return tile
		? winogradConv2d(g, x, outChannels, tile)
		: conv2d(g, x, outChannels);
}

function winogradTile(
	x: Value,
	outChannels: number,
	sizeMultiple: number,
): WinogradTile | undefined {
	const [batch, inChannels, height, width] = x.dims;
	const pixels = batch * height * width;
	const kernels = inChannels * outChannels;
	if (pixels < FEWEST_PIXELS || pixels * kernels * 9 < WORTH_TRANSFORMING)
		return undefined;
	return ([4, 2] as const).find(
		(tile) =>
			sizeMultiple % tile === 0 &&
			4 * kernels * (tile + 2) ** 2 <= LARGEST_WEIGHTS[tile],
	);
}
