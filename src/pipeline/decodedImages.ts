import type { RgbImage } from "../image/rgbImage.js";
import { roundHalfEven } from "../tensor/roundHalfEven.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * The VAE's images `[n, 3, height, width]` (−1 to 1, clamped here) as 8-bit RGB, rounded as diffusers does
 * (numpy's half to even).
 */
export function decodedImages({ dims, data }: Tensor): RgbImage[] {
	const [count, , height, width] = dims;
	const plane = height * width;
	return Array.from({ length: count }, (_, n) => {
		const rgb = new Uint8Array(plane * 3);
		for (let channel = 0; channel < 3; channel++) {
			const from = (n * 3 + channel) * plane;
			for (let i = 0; i < plane; i++) {
				const unit = Math.fround(data[from + i] / 2 + 0.5);
				rgb[i * 3 + channel] = roundHalfEven(
					Math.fround(Math.min(1, Math.max(0, unit)) * 255),
				);
			}
		}
		return { width, height, data: rgb };
	});
}
