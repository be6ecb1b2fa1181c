/**
 * One channel of bytes blurred with a Gaussian of this standard deviation in pixels, cut off at 2.5 of it on each side; borders are
 * mirrored without repeating the outermost pixel (as OpenCV's GaussianBlur does, which A1111 blurs masks with).
 */
export function gaussianBlur(
	data: Uint8Array,
	width: number,
	height: number,
	deviation: number,
): Uint8Array {
	const reach = Math.floor(2.5 * deviation + 0.5);
	if (reach === 0) return data;
	const kernel = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
		Math.exp(-((i - reach) ** 2) / (2 * deviation ** 2)),
	);
	const total = kernel.reduce((sum, weight) => sum + weight, 0);
	const along = (
		source: ArrayLike<number>,
		size: number,
		stride: number,
		lines: number,
		lineStride: number,
	) => {
		const result = new Float64Array(source.length);
		for (let line = 0; line < lines; line++)
			for (let i = 0; i < size; i++) {
				let sum = 0;
				for (let k = -reach; k <= reach; k++)
					sum +=
						kernel[k + reach] *
						source[line * lineStride + mirrored(i + k, size) * stride];
				result[line * lineStride + i * stride] = sum / total;
			}
		return result;
	};
	const rows = along(data, width, 1, height, width);
	return Uint8Array.from(along(rows, height, width, width, 1), Math.round);
}

function mirrored(at: number, size: number): number {
	if (size === 1) return 0;
	const period = 2 * (size - 1);
	const within = ((at % period) + period) % period;
	return within < size ? within : period - within;
}
