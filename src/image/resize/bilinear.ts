import type { Planes } from "./pixels.js";

/** Where one output position of an axis reads: two neighbours and the share of the second. */
interface Taps {
	readonly low: Int32Array;
	readonly high: Int32Array;
	readonly share: Float32Array;
}

const f = Math.fround;

/**
 * `tf.image.resize_bilinear(align_corners=False)` of TensorFlow 1.x, to the bit as torch-fidelity computes it
 * (`interpolate_bilinear_2d_like_tensorflow1x`): source = i · (in / out) without half-pixel centres, no antialiasing.
 */
export function resizeTensorflow(
	image: Planes,
	width: number,
	height: number,
): Planes {
	const taps = (inputSize: number, outputSize: number) =>
		axisTaps(inputSize, outputSize, (i, scale) => f(i * scale));
	return blend(
		image,
		width,
		height,
		taps(image.width, width),
		taps(image.height, height),
		(a, b, share) => f(a + f(f(b - a) * share)),
	);
}

/**
 * torch's `interpolate(mode="bilinear", align_corners=False)` without antialiasing, up to float32 rounding:
 * half-pixel centres, clamped at the border (pytorch-fid's resize).
 */
export function resizeTorch(
	image: Planes,
	width: number,
	height: number,
): Planes {
	const taps = (inputSize: number, outputSize: number) =>
		axisTaps(inputSize, outputSize, (i, scale) =>
			Math.max(0, f(f(scale * f(i + 0.5)) - 0.5)),
		);
	return blend(
		image,
		width,
		height,
		taps(image.width, width),
		taps(image.height, height),
		(a, b, share) => f(f(1 - share) * a + share * b),
	);
}

function axisTaps(
	inputSize: number,
	outputSize: number,
	source: (i: number, scale: number) => number,
): Taps {
	const scale = f(inputSize / outputSize);
	const low = new Int32Array(outputSize);
	const high = new Int32Array(outputSize);
	const share = new Float32Array(outputSize);
	for (let i = 0; i < outputSize; i++) {
		const position = source(i, scale);
		low[i] = Math.min(Math.trunc(position), inputSize - 1);
		high[i] = Math.min(low[i] + 1, inputSize - 1);
		share[i] = position - low[i];
	}
	return { low, high, share };
}

function blend(
	image: Planes,
	width: number,
	height: number,
	across: Taps,
	down: Taps,
	mix: (a: number, b: number, share: number) => number,
): Planes {
	const { channels, data } = image;
	const output = new Float32Array(width * height * channels);
	for (let c = 0; c < channels; c++)
		for (let y = 0; y < height; y++) {
			const top = (c * image.height + down.low[y]) * image.width;
			const bottom = (c * image.height + down.high[y]) * image.width;
			for (let x = 0; x < width; x++) {
				const left = across.low[x];
				const right = across.high[x];
				const share = across.share[x];
				output[(c * height + y) * width + x] = mix(
					mix(data[top + left], data[top + right], share),
					mix(data[bottom + left], data[bottom + right], share),
					down.share[y],
				);
			}
		}
	return { width, height, channels, data: output };
}
