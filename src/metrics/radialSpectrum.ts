import FFT from "fft.js";

/** Power over spatial frequency, rotated into one dimension. */
export interface RadialSpectrum {
	/** Cycles per pixel of each ring, 0 (the mean) to 0.5. */
	readonly frequencies: Float64Array;
	/** Mean power of the ring's coefficients, divided by the number of pixels. */
	readonly power: Float64Array;
}

/**
 * Radially averaged power spectrum |FFT|² / pixels of one or more planes of the same size, averaged over the planes. Rings
 * are one cycle per image wide; corners beyond 0.5 cycles per pixel are left out. Power of white noise of unit variance is 1
 * in every ring.
 * @param planes row-major planes one after another, `count` of `height` x `width`
 */
export function radialSpectrum(
	planes: ArrayLike<number>,
	{ count, height, width }: { count: number; height: number; width: number },
): RadialSpectrum {
	const size = Math.min(height, width);
	const rings = Math.floor(size / 2) + 1;
	const power = new Float64Array(rings);
	const seen = new Float64Array(rings);
	const rowTransform = transform(width);
	const columnTransform = transform(height);
	const real = new Float64Array(height * width);
	const imaginary = new Float64Array(height * width);
	for (let plane = 0; plane < count; plane++) {
		const from = plane * height * width;
		for (let i = 0; i < real.length; i++) real[i] = planes[from + i];
		imaginary.fill(0);
		for (let y = 0; y < height; y++)
			rowTransform(real, imaginary, y * width, 1);
		for (let x = 0; x < width; x++) columnTransform(real, imaginary, x, width);
		for (let y = 0; y < height; y++) {
			const fy = Math.min(y, height - y) / height;
			for (let x = 0; x < width; x++) {
				const fx = Math.min(x, width - x) / width;
				const ring = Math.round(Math.hypot(fx, fy) * size);
				if (ring >= rings) continue;
				const i = y * width + x;
				power[ring] += real[i] ** 2 + imaginary[i] ** 2;
				seen[ring]++;
			}
		}
	}
	return {
		frequencies: Float64Array.from({ length: rings }, (_, ring) => ring / size),
		power: power.map((sum, ring) => sum / seen[ring] / (height * width)),
	};
}

/** Transforms `length` complex values in place, from `start` in steps of `stride`. */
type LineTransform = (
	real: Float64Array,
	imaginary: Float64Array,
	start: number,
	stride: number,
) => void;

function transform(length: number): LineTransform {
	if (length > 1 && (length & (length - 1)) === 0) {
		const fft = new FFT(length);
		const input = fft.createComplexArray();
		const output = fft.createComplexArray();
		return (real, imaginary, start, stride) => {
			for (let n = 0, i = start; n < length; n++, i += stride) {
				input[2 * n] = real[i];
				input[2 * n + 1] = imaginary[i];
			}
			fft.transform(output, input);
			for (let n = 0, i = start; n < length; n++, i += stride) {
				real[i] = output[2 * n];
				imaginary[i] = output[2 * n + 1];
			}
		};
	}
	// the library takes powers of two only; other sizes are small enough for the definition
	const cosine = Float64Array.from({ length }, (_, n) =>
		Math.cos((2 * Math.PI * n) / length),
	);
	const sine = Float64Array.from({ length }, (_, n) =>
		Math.sin((2 * Math.PI * n) / length),
	);
	const lineReal = new Float64Array(length);
	const lineImaginary = new Float64Array(length);
	return (real, imaginary, start, stride) => {
		for (let k = 0; k < length; k++) {
			let sumReal = 0;
			let sumImaginary = 0;
			for (let n = 0, i = start; n < length; n++, i += stride) {
				const angle = (n * k) % length;
				sumReal += real[i] * cosine[angle] + imaginary[i] * sine[angle];
				sumImaginary += imaginary[i] * cosine[angle] - real[i] * sine[angle];
			}
			lineReal[k] = sumReal;
			lineImaginary[k] = sumImaginary;
		}
		for (let k = 0, i = start; k < length; k++, i += stride) {
			real[i] = lineReal[k];
			imaginary[i] = lineImaginary[k];
		}
	};
}
