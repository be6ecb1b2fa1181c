import { UserError } from "../errors/userError.js";
import type { RgbImage } from "../image/rgbImage.js";

const SIGMA = 1.5;
const RADIUS = 5;
const WINDOW = 2 * RADIUS + 1;
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

const KERNEL = (() => {
	const raw = Array.from({ length: WINDOW }, (_, i) =>
		Math.exp(-((i - RADIUS) ** 2) / (2 * SIGMA * SIGMA)),
	);
	const sum = raw.reduce((total, value) => total + value, 0);
	return Float64Array.from(raw, (value) => value / sum);
})();

/**
 * Structural similarity of two pictures (Wang et al. 2004): 1 for equal ones. The mean over channels and over the positions at which
 * the Gaussian window (11×11, sigma 1.5) lies inside, K1 = 0.01, K2 = 0.03: scikit-image's `structural_similarity` with
 * gaussian_weights, sigma=1.5, use_sample_covariance=False, channel_axis=2, data_range=255.
 * @throws UserError when their sizes differ, or a side is under 11 pixels.
 */
export function ssim(a: RgbImage, b: RgbImage): number {
	const { width, height } = a;
	if (width !== b.width || height !== b.height)
		throw new UserError(
			`pictures of ${width}×${height} and ${b.width}×${b.height} cannot be compared`,
		);
	if (width < WINDOW || height < WINDOW)
		throw new UserError(
			`SSIM needs pictures of at least ${WINDOW}×${WINDOW}, not ${width}×${height}`,
		);
	const count = width * height;
	let sum = 0;
	for (let channel = 0; channel < 3; channel++) {
		const x = new Float64Array(count);
		const y = new Float64Array(count);
		for (let i = 0; i < count; i++) {
			x[i] = a.data[3 * i + channel];
			y[i] = b.data[3 * i + channel];
		}
		const blur = (values: Float64Array) => smooth(values, width, height);
		const meanX = blur(x);
		const meanY = blur(y);
		const xx = blur(x.map((value) => value * value));
		const yy = blur(y.map((value) => value * value));
		const xy = blur(x.map((value, i) => value * y[i]));
		for (let i = 0; i < meanX.length; i++) {
			const mx = meanX[i];
			const my = meanY[i];
			const varianceX = xx[i] - mx * mx;
			const varianceY = yy[i] - my * my;
			const covariance = xy[i] - mx * my;
			sum +=
				((2 * mx * my + C1) * (2 * covariance + C2)) /
				((mx * mx + my * my + C1) * (varianceX + varianceY + C2));
		}
	}
	return sum / (3 * (width - 2 * RADIUS) * (height - 2 * RADIUS));
}

/** The Gaussian mean at every position at which the window lies inside, `(height - 10) × (width - 10)` values. */
function smooth(
	values: Float64Array,
	width: number,
	height: number,
): Float64Array {
	const columns = width - 2 * RADIUS;
	const across = new Float64Array(columns * height);
	for (let y = 0; y < height; y++)
		for (let x = 0; x < columns; x++) {
			let sum = 0;
			for (let k = 0; k < WINDOW; k++)
				sum += KERNEL[k] * values[y * width + x + k];
			across[y * columns + x] = sum;
		}
	const result = new Float64Array(columns * (height - 2 * RADIUS));
	for (let i = 0; i < result.length; i++) {
		let sum = 0;
		for (let k = 0; k < WINDOW; k++) sum += KERNEL[k] * across[i + k * columns];
		result[i] = sum;
	}
	return result;
}
