import { type AxisWeights, axisWeights } from "./axisWeights.js";
import { type FilterName, filters } from "./filters.js";
import type { Pixels } from "./pixels.js";

/** Fraction bits of Pillow's fixed-point weights: 32 less 8 for the byte and 2 for overshoot and sign. */
const precisionBits = 22;

/**
 * `Image.resize` of Pillow for 8-bit images, to the bit: fixed-point weights, rows before columns, rounded to bytes
 * in between (Pillow `src/libImaging/Resample.c`).
 */
export function resizePillowBytes(
	image: Pixels,
	width: number,
	height: number,
	filter: FilterName,
): Pixels {
	let result = image;
	if (width !== result.width) result = resizeRows(result, width, filter);
	if (height !== result.height) result = resizeColumns(result, height, filter);
	return result;
}

function fixedPoint({ weights }: AxisWeights): Int32Array {
	return Int32Array.from(weights, (weight) =>
		Math.trunc(weight * 2 ** precisionBits + (weight < 0 ? -0.5 : 0.5)),
	);
}

const byte = (sum: number) => {
	const value = sum >> precisionBits;
	return Math.max(0, Math.min(value, 255));
};

function resizeRows(image: Pixels, width: number, filter: FilterName): Pixels {
	const { height, channels, data } = image;
	const axis = axisWeights(image.width, width, filters[filter]);
	const weights = fixedPoint(axis);
	const output = new Uint8Array(width * height * channels);
	for (let y = 0; y < height; y++)
		for (let x = 0; x < width; x++) {
			const first = (y * image.width + axis.starts[x]) * channels;
			for (let c = 0; c < channels; c++) {
				let sum = 1 << (precisionBits - 1);
				for (let j = 0; j < axis.counts[x]; j++)
					sum += data[first + j * channels + c] * weights[x * axis.taps + j];
				output[(y * width + x) * channels + c] = byte(sum);
			}
		}
	return { width, height, channels, data: output };
}

function resizeColumns(
	image: Pixels,
	height: number,
	filter: FilterName,
): Pixels {
	const { width, channels, data } = image;
	const axis = axisWeights(image.height, height, filters[filter]);
	const weights = fixedPoint(axis);
	const stride = width * channels;
	const output = new Uint8Array(stride * height);
	for (let y = 0; y < height; y++) {
		const first = axis.starts[y] * stride;
		for (let x = 0; x < stride; x++) {
			let sum = 1 << (precisionBits - 1);
			for (let j = 0; j < axis.counts[y]; j++)
				sum += data[first + j * stride + x] * weights[y * axis.taps + j];
			output[y * stride + x] = byte(sum);
		}
	}
	return { width, height, channels, data: output };
}
