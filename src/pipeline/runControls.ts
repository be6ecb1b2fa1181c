import { cannyEdges } from "../image/cannyEdges.js";
import { onColour, type PixelImage } from "../image/pixelImage.js";
import { placeImage } from "../image/placeImage.js";
import type { Pixels } from "../image/resize/pixels.js";
import type { ResizeMode } from "../image/resizeModes.js";
import { type Tensor, tensor } from "../tensor/tensor.js";
import type { Control } from "./controlledUnet.js";
import type { ControlSettings } from "./controlSettings.js";
import type { RunNetworks } from "./networks.js";

/** The part of a run that control nets steer. */
export interface ControlledPart {
	readonly width: number;
	readonly height: number;
	/** Its first evaluation, and the number of all. */
	readonly start: number;
	readonly count: number;
	/** How pictures of another shape are brought to the size. */
	readonly resizeMode?: ResizeMode;
	/** The picture that the run begins with, and how it was brought to the size: a control net's picture of its size goes the same way. */
	readonly picture?: {
		readonly width: number;
		readonly height: number;
		readonly place: (pixels: Pixels) => Pixels;
	};
}

const BLACK = [0, 0, 0] as const;

/** The control nets of a run with their pictures. Shares of the steps are counted as in diffusers, over the evaluations that are run. */
export function runControls(
	controls: readonly ControlSettings[],
	networks: Pick<RunNetworks, "control">,
	part: ControlledPart,
): Control[] {
	const steps = part.count - part.start;
	return controls.map(({ image, scale, start, end, edges }, net) => ({
		net: networks.control(
			net,
			controlTensor(
				edges ? cannyEdges(placed(image, part), ...edges) : placed(image, part),
			),
		),
		scale,
		acts: (index) => {
			const at = index - part.start;
			return at / steps >= start && (at + 1) / steps <= end;
		},
	}));
}

function placed(
	image: PixelImage,
	{ width, height, resizeMode = "crop", picture }: ControlledPart,
): Pixels {
	const pixels: Pixels = { ...onColour(image, BLACK), channels: 3 };
	return picture?.width === image.width && picture.height === image.height
		? picture.place(pixels)
		: placeImage(pixels, width, height, resizeMode);
}

/** `[1, 3, height, width]`, 0 to 1. */
function controlTensor({ width, height, data }: Pixels): Tensor {
	const plane = width * height;
	const result = tensor([1, 3, height, width]);
	for (let c = 0; c < 3; c++)
		for (let i = 0; i < plane; i++)
			result.data[c * plane + i] = data[3 * i + c] / 255;
	return result;
}
