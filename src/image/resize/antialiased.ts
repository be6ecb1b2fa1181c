import { type AxisWeights, axisWeights } from "./axisWeights.js";
import { type FilterName, filters } from "./filters.js";
import type { Planes } from "./pixels.js";

/**
 * Antialiased resizing of float pictures, rows before columns, sums in double and float32 in between: Pillow's
 * `Image.resize` of mode "F" images to the bit, and torch's `interpolate(mode="bilinear", align_corners=False,
 * antialias=True)` up to float32 rounding (give it Math.fround). Nothing is clipped.
 * @param round precision of the weights; double unless given
 */
export function resizeAntialiased(
	image: Planes,
	width: number,
	height: number,
	filter: FilterName,
	round?: (value: number) => number,
): Planes {
	const along = (inputSize: number, outputSize: number) =>
		axisWeights(inputSize, outputSize, filters[filter], round);
	let result = image;
	if (width !== image.width)
		result = resizeRows(result, width, along(image.width, width));
	if (height !== image.height)
		result = resizeColumns(result, height, along(image.height, height));
	return result;
}

function resizeRows(image: Planes, width: number, axis: AxisWeights): Planes {
	const { height, channels, data } = image;
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
	axis: AxisWeights,
): Planes {
	const { width, channels, data } = image;
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
