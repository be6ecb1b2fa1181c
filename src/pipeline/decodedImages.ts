import type { RgbImage } from "../image/rgbImage.js";
import { givingWay } from "../tensor/giveWay.js";
import { roundHalfEven } from "../tensor/roundHalfEven.js";
import type { Tensor } from "../tensor/tensor.js";

/** Pixels between two looks at the clock. */
const PIECE = 2 ** 16;

/**
 * The VAE's images `[n, 3, height, width]` (−1 to 1, clamped here) as 8-bit RGB, rounded as diffusers does
 * (numpy's half to even).
 */
export async function decodedImages({
	dims,
	data,
}: Tensor): Promise<RgbImage[]> {
	const [count, , height, width] = dims;
	const plane = height * width;
	const giveWay = givingWay();
	const images: RgbImage[] = [];
	for (let n = 0; n < count; n++) {
		const rgb = new Uint8Array(plane * 3);
		for (let channel = 0; channel < 3; channel++) {
			const from = (n * 3 + channel) * plane;
			for (let i = 0; i < plane; i++) {
				if (i % PIECE === 0) await giveWay();
				const unit = Math.fround(data[from + i] / 2 + 0.5);
				rgb[i * 3 + channel] = roundHalfEven(
					Math.fround(Math.min(1, Math.max(0, unit)) * 255),
				);
			}
		}
		images.push({ width, height, data: rgb });
	}
	return images;
}
