import { axisWeights } from "./axisWeights.js";
import { type FilterName, filters } from "./filters.js";
import type { Planes } from "./pixels.js";

/**
 * Antialiased resizing of float pictures, rows before columns, sums in double and float32 in between: Pillow's
 * `Image.resize` of mode "F" images to the bit, and torch's `interpolate(mode="bilinear", align_corners=False,
 * antialias=True)` up to float32 rounding. Nothing is clipped.
 */
export function resizeAntialiased(
	image: Planes,
	width: number,
	height: number,
	filter: FilterName,
): Planes {
	let result = image;
	if (width !== result.width) result = resizeRows(result, width, filter);
	if (height !== result.height) result = resizeColumns(result, height, filter);
	return result;
}

function resizeRows(image: Planes, width: number, filter: FilterName): Planes {
	const { height, channels, data } = image;
	const axis = axisWeights(image.width, width, filters[filter]);
	const lines = height * channels;
	const output = new Float32Array(width * lines);
	for (let line = 0; line < lines; line++)
		for (let x = 0; x < width; x++) {
			const first = line * image.width + axis.starts[x];
			let sum = 0;
			for (let j = 0; j < axis.counts[x]; j++)
				sum += data[first + j] * axis.weights[x * axis.taps + j];
			output[line * width + x] = sum;
		}
	return { width, height, channels, data: output };
}

function resizeColumns(
	image: Planes,
	height: number,
	filter: FilterName,
): Planes {
	const { width, channels, data } = image;
	const axis = axisWeights(image.height, height, filters[filter]);
	const output = new Float32Array(width * height * channels);
	for (let c = 0; c < channels; c++)
		for (let y = 0; y < height; y++) {
			const first = (c * image.height + axis.starts[y]) * width;
			for (let x = 0; x < width; x++) {
				let sum = 0;
				for (let j = 0; j < axis.counts[y]; j++)
					sum += data[first + j * width + x] * axis.weights[y * axis.taps + j];
				output[(c * height + y) * width + x] = sum;
			}
		}
	return { width, height, channels, data: output };
}
