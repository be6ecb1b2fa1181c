import type { RgbImage } from "./rgbImage.js";

/** Sums of colours and of weights, at one size of the pyramid. */
interface Level {
	readonly width: number;
	readonly height: number;
	/** Four numbers a pixel: red, green and blue times weight, and weight. */
	readonly data: Float64Array;
}

/**
 * A picture whose masked pixels have the colours around them: halved until every part has a colour, then filled from the coarsest size to
 * the finest (push-pull; Grossman and Dally, Point Sample Rendering, 1998).
 * @param masked not 0 where a pixel is to be filled
 */
export function fillMasked(image: RgbImage, masked: Uint8Array): RgbImage {
	const { width, height } = image;
	const finest = new Float64Array(width * height * 4);
	for (let i = 0; i < width * height; i++) {
		if (masked[i]) continue;
		for (let c = 0; c < 3; c++) finest[4 * i + c] = image.data[3 * i + c];
		finest[4 * i + 3] = 1;
	}
	const pyramid: Level[] = [{ width, height, data: finest }];
	for (let top = pyramid[0]; top.width > 1 || top.height > 1; ) {
		top = halved(top);
		pyramid.push(top);
	}
	let filled = pyramid.pop() as Level;
	for (const level of pyramid.reverse()) filled = filledFrom(level, filled);
	const data = Uint8Array.from(image.data);
	for (let i = 0; i < width * height; i++)
		if (masked[i])
			for (let c = 0; c < 3; c++)
				data[3 * i + c] = Math.round(filled.data[4 * i + c]);
	return { width, height, data };
}

function halved({ width, height, data }: Level): Level {
	const half = {
		width: Math.ceil(width / 2),
		height: Math.ceil(height / 2),
	};
	const sums = new Float64Array(half.width * half.height * 4);
	for (let y = 0; y < height; y++)
		for (let x = 0; x < width; x++)
			for (let c = 0; c < 4; c++)
				sums[4 * ((y >> 1) * half.width + (x >> 1)) + c] +=
					data[4 * (y * width + x) + c];
	// as much as one pixel at most, so that a few known pixels do not outweigh others
	for (let i = 0; i < sums.length; i += 4)
		if (sums[i + 3] > 1) {
			const weight = sums[i + 3];
			for (let c = 0; c < 4; c++) sums[i + c] /= weight;
		}
	return { ...half, data: sums };
}

/** A level whose unknown pixels come from the next coarser one, between its four nearest pixels. */
function filledFrom(level: Level, coarser: Level): Level {
	const { width, height } = level;
	const data = level.data.slice();
	const near = (at: number, size: number) => {
		const position = Math.min(size - 1, Math.max(0, (at + 0.5) / 2 - 0.5));
		const low = Math.floor(position);
		return { low, high: Math.min(size - 1, low + 1), share: position - low };
	};
	for (let y = 0; y < height; y++)
		for (let x = 0; x < width; x++) {
			const at = 4 * (y * width + x);
			const missing = 1 - data[at + 3];
			if (missing <= 0) continue;
			const across = near(x, coarser.width);
			const down = near(y, coarser.height);
			for (let c = 0; c < 4; c++) {
				const value = (row: number, column: number) =>
					coarser.data[4 * (row * coarser.width + column) + c];
				const mixed = (row: number) =>
					value(row, across.low) * (1 - across.share) +
					value(row, across.high) * across.share;
				data[at + c] +=
					missing *
					(mixed(down.low) * (1 - down.share) + mixed(down.high) * down.share);
			}
		}
	// where nothing at all is known, the sums are zero: black
	for (let i = 0; i < data.length; i += 4)
		if (data[i + 3] > 0 && data[i + 3] < 1) {
			const weight = data[i + 3];
			for (let c = 0; c < 4; c++) data[i + c] /= weight;
		}
	return { width, height, data };
}
