/** A picture of 8-bit RGB: three bytes a pixel, rows from the top, no padding. */
export interface RgbImage {
	readonly width: number;
	readonly height: number;
	/** `width × height × 3` bytes. */
	readonly data: Uint8Array;
}

/**
 * A picture over `data`, or a white one.
 * @throws RangeError when `data` has not as many bytes as the size says.
 */
export function rgbImage(
	width: number,
	height: number,
	data?: Uint8Array,
): RgbImage {
	const count = width * height * 3;
	if (data && data.length !== count)
		throw new RangeError(
			`a picture of ${width}×${height} needs ${count} bytes, not ${data.length}`,
		);
	return { width, height, data: data ?? new Uint8Array(count).fill(255) };
}
