import { OptionError } from "../errors/optionError.js";
import { fillMasked } from "../image/fillMasked.js";
import { gaussianBlur } from "../image/gaussianBlur.js";
import { onColour } from "../image/pixelImage.js";
import { type Box, cropImage, placeImage } from "../image/placeImage.js";
import type { Pixels } from "../image/resize/pixels.js";
import type { RgbImage } from "../image/rgbImage.js";
import type { PictureSettings } from "./pictureSettings.js";

/** A picture at the size that is drawn. */
export interface PreparedPicture {
	/** What is encoded. */
	readonly image: RgbImage;
	/** One byte a pixel of it, 1 where it is drawn anew. */
	readonly masked?: Uint8Array;
	/** Brings what was as large as the picture to the size in the same way. */
	place(pixels: Pixels): Pixels;
	/** The finished picture: what was not to be drawn anew is put back, byte for byte. */
	finish(drawn: RgbImage): RgbImage;
}

interface Size {
	readonly width: number;
	readonly height: number;
}

/**
 * Brings a picture and its mask to the size that is drawn.
 * @throws OptionError when the blur leaves nothing of the mask
 */
export function preparePicture(
	{ image, background, resizeMode, mask }: PictureSettings,
	size: Size,
): PreparedPicture {
	const source = withChannels(onColour(image, background), 3);
	const at = (pixels: Pixels) =>
		placeImage(pixels, size.width, size.height, resizeMode);
	if (!mask) return { image: at(source), place: at, finish: (drawn) => drawn };
	const { width, height } = image;
	const edge: Pixels = {
		width,
		height,
		channels: 1,
		data: gaussianBlur(mask.brightness, width, height, mask.blur),
	};
	const box = mask.onlyMasked ? maskedBox(edge, mask.padding, size) : undefined;
	const placed = box
		? (pixels: Pixels) =>
				placeImage(cropImage(pixels, box), size.width, size.height, "stretch")
		: at;
	const masked = placed(edge).data.map((byte) => (byte >= 128 ? 1 : 0));
	if (!masked.includes(1))
		throw new OptionError(
			"mask",
			"nothing of its white is left at the size that is drawn; blur it less, or draw the masked part alone",
		);
	const original = placed(source);
	const share = (pixels: Pixels) =>
		mask.blur > 0
			? pixels.data
			: pixels.data.map((byte) => (byte >= 128 ? 255 : 0));
	return {
		image: mask.content === "fill" ? fillMasked(original, masked) : original,
		masked,
		place: placed,
		finish(drawn) {
			if (!box) return blended(original, drawn, share(placed(edge)));
			const part = placeImage(
				withChannels(drawn, 3),
				box.width,
				box.height,
				"stretch",
			);
			const within = blended(
				cropImage(source, box),
				part,
				share(cropImage(edge, box)),
			);
			return pasted(source, within, box);
		},
	};
}

const withChannels = (image: RgbImage, channels: number): Pixels => ({
	...image,
	channels,
});

/** `drawn` over `original`, as much of it at each pixel as `share` says in 255ths: nothing of it leaves the bytes as they are. */
function blended(
	original: RgbImage,
	drawn: RgbImage,
	share: Uint8Array,
): RgbImage {
	const { width, height } = original;
	const data = Uint8Array.from(original.data, (byte, i) => {
		const part = share[Math.floor(i / 3)];
		return Math.round((byte * (255 - part) + drawn.data[i] * part) / 255);
	});
	return { width, height, data };
}

function pasted(image: RgbImage, part: RgbImage, box: Box): RgbImage {
	const data = Uint8Array.from(image.data);
	for (let y = 0; y < box.height; y++)
		data.set(
			part.data.subarray(3 * y * box.width, 3 * (y + 1) * box.width),
			3 * ((box.top + y) * image.width + box.left),
		);
	return { ...image, data };
}

/** The masked part with pixels around it, in the shape of what is drawn where the picture has the room. */
function maskedBox(
	{ width, height, data }: Pixels,
	padding: number,
	drawn: Size,
): Box {
	let [left, top, right, bottom] = [width, height, 0, 0];
	for (let y = 0; y < height; y++)
		for (let x = 0; x < width; x++)
			if (data[y * width + x] > 0) {
				left = Math.min(left, x);
				right = Math.max(right, x + 1);
				top = Math.min(top, y);
				bottom = Math.max(bottom, y + 1);
			}
	if (right <= left)
		throw new OptionError(
			"mask",
			"nothing of its white is left after the blur; blur it less",
		);
	const [x, y] = [
		padded(left, right, padding, width),
		padded(top, bottom, padding, height),
	];
	const shape = drawn.width / drawn.height;
	const [wide, high] = [x.to - x.from, y.to - y.from];
	const across =
		wide < high * shape ? widened(x, Math.round(high * shape), width) : x;
	const down =
		wide > high * shape ? widened(y, Math.round(wide / shape), height) : y;
	return {
		left: across.from,
		top: down.from,
		width: across.to - across.from,
		height: down.to - down.from,
	};
}

interface Range {
	readonly from: number;
	readonly to: number;
}

const padded = (from: number, to: number, by: number, end: number): Range => ({
	from: Math.max(0, from - by),
	to: Math.min(end, to + by),
});

/** A range of at least `length` with the given one in its middle, moved inside 0 to `end`. */
function widened({ from, to }: Range, length: number, end: number): Range {
	const size = Math.min(end, length);
	const first = Math.round((from + to - size) / 2);
	const inside = Math.min(end - size, Math.max(0, first));
	return { from: inside, to: inside + size };
}
