import { resizeAntialiased } from "../image/resize/antialiased.js";
import { resizeTensorflow, resizeTorch } from "../image/resize/bilinear.js";
import { type Pixels, type Planes, planes } from "../image/resize/pixels.js";
import { inceptionSize } from "../models/inception.js";

/** Whose FID is computed: they differ in how pictures become 299×299. */
export const fidVariants = [
	"torch-fidelity",
	"torchmetrics",
	"torchmetrics-no-antialias",
	"pytorch-fid",
	"clean-fid",
] as const;
export type FidVariant = (typeof fidVariants)[number];

/** How each variant resizes, in words; equal words mean equal features. */
export const fidResizes: Readonly<Record<FidVariant, string>> = {
	"torch-fidelity": "TensorFlow 1 bilinear",
	torchmetrics: "torch bilinear, antialiased",
	"torchmetrics-no-antialias": "TensorFlow 1 bilinear",
	"pytorch-fid": "torch bilinear of 0…1",
	"clean-fid": "Pillow bicubic in float, clipped",
};

/**
 * An RGB picture as Inception v3 takes it, `[3, 299, 299]`, prepared as torch-fidelity, torchmetrics (FID's `antialias`
 * true by default, or false), pytorch-fid or clean-fid prepare it.
 */
export function preprocessForInception(
	image: Pixels,
	variant: FidVariant,
): Float32Array {
	const size = inceptionSize;
	const input = planes(image);
	switch (variant) {
		case "torch-fidelity":
		case "torchmetrics-no-antialias":
			return centred(resizeTensorflow(input, size, size));
		case "torchmetrics":
			return centred(
				resizeAntialiased(input, size, size, "bilinear", Math.fround),
			);
		case "pytorch-fid": {
			const data = input.data.map((value) => value / 255);
			const resized = resizeTorch({ ...input, data }, size, size);
			return resized.data.map((value) => 2 * value - 1);
		}
		case "clean-fid": {
			const resized = resizeAntialiased(input, size, size, "bicubic");
			const data = resized.data.map((value) =>
				Math.max(0, Math.min(value, 255)),
			);
			return centred({ ...resized, data });
		}
	}
}

function centred({ data }: Planes): Float32Array {
	return data.map((value) => (value - 128) / 128);
}
