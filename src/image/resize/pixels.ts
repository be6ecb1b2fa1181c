/** A picture as bytes: `data[(y * width + x) * channels + c]`, 0–255, as decoders give it. */
export interface Pixels {
	readonly width: number;
	readonly height: number;
	readonly channels: number;
	readonly data: Uint8Array;
}

/** A picture as floats, channel by channel: `data[(c * height + y) * width + x]`. */
export interface Planes {
	readonly width: number;
	readonly height: number;
	readonly channels: number;
	readonly data: Float32Array;
}

/** The bytes of a picture as floats 0–255, channel by channel. */
export function planes({ width, height, channels, data }: Pixels): Planes {
	const area = width * height;
	const values = new Float32Array(area * channels);
	for (let i = 0; i < area; i++)
		for (let c = 0; c < channels; c++)
			values[c * area + i] = data[i * channels + c];
	return { width, height, channels, data: values };
}
