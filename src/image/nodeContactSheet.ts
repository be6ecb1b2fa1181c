import sharp from "sharp";
import { UserError } from "../errors/userError.js";
import { textOutline, wrapText } from "./nodeLabelText.js";
import { type RgbImage, rgbImage } from "./rgbImage.js";

/** A picture of a contact sheet and what is written over and under it, a label a line; long ones are wrapped. */
export interface LabelledPicture {
	readonly image: RgbImage;
	/** Over the picture, in bold dark letters. */
	readonly above?: readonly string[];
	/** Under the picture, in grey. */
	readonly below?: readonly string[];
}

/** How a contact sheet is laid out. */
export interface ContactSheetOptions {
	/** Over everything, the prompt for instance. */
	readonly title?: string;
	/** Pictures in a row; up to 4 unless told. */
	readonly columns?: number;
	/** Pictures narrower than this are enlarged by a whole factor; 256 pixels unless told. */
	readonly minWidth?: number;
}

const BACKGROUND = "#ffffff";
const TITLE_COLOUR = "#111111";
const ABOVE_COLOUR = "#111111";
const BELOW_COLOUR = "#555555";
const LINE_HEIGHT = 1.35;
const MAX_PIXELS = 16384 * 16384;

/**
 * Pictures side by side in rows, each with its labels, on white. The letters are drawn from outlines that come along, so that
 * they look the same on a machine without fonts; letters outside Latin, Greek and Cyrillic become boxes.
 * @throws UserError when the sheet would be too large; RangeError when there are no pictures.
 */
export async function contactSheet(
	pictures: readonly LabelledPicture[],
	options: ContactSheetOptions = {},
): Promise<RgbImage> {
	if (pictures.length === 0) throw new RangeError("no pictures to lay out");
	const columns = Math.min(pictures.length, Math.max(1, options.columns ?? 4));
	const widest = Math.max(...pictures.map(({ image }) => image.width));
	const zoom = Math.max(1, Math.floor((options.minWidth ?? 256) / widest));
	const cellWidth = widest * zoom;
	const fontSize = Math.round(Math.max(13, Math.min(28, cellWidth / 26)));
	const line = Math.round(fontSize * LINE_HEIGHT);
	const gap = Math.round(fontSize * 1.2);
	const width = columns * cellWidth + (columns + 1) * gap;

	const wrapAll = (labels: readonly string[] = []) =>
		labels.flatMap((label) => wrapText(label, cellWidth, fontSize));
	const cells = pictures.map(({ image, above, below }) => ({
		image,
		above: wrapAll(above),
		below: wrapAll(below),
	}));
	const outlines: string[] = [];
	const overlays: { image: RgbImage; left: number; top: number }[] = [];
	let y = gap;
	const write = (text: string, x: number, colour: string, bold = false) => {
		const baseline = y + fontSize;
		outlines.push(textOutline(text, x, baseline, fontSize, colour));
		// The embedded font has one weight: bold is the same line drawn again, a little to the right.
		if (bold)
			outlines.push(
				textOutline(text, x + fontSize / 30, baseline, fontSize, colour),
			);
		y += line;
	};
	if (options.title) {
		for (const text of wrapText(options.title, width - 2 * gap, fontSize, 4))
			write(text, gap, TITLE_COLOUR, true);
		y += Math.round(gap / 2);
	}
	for (let first = 0; first < cells.length; first += columns) {
		const row = cells.slice(first, first + columns);
		const top = y;
		const labelLines = Math.max(...row.map(({ above }) => above.length));
		const pictureTop = top + labelLines * line + (labelLines ? gap / 4 : 0);
		const tallest = Math.max(...row.map(({ image }) => image.height * zoom));
		let bottom = 0;
		row.forEach(({ image, above, below }, column) => {
			const left = gap + column * (cellWidth + gap);
			// Labels of one line stand right over the picture, even beside one of two.
			y = top + (labelLines - above.length) * line;
			for (const text of above) write(text, left, ABOVE_COLOUR, true);
			overlays.push({ image, left, top: Math.round(pictureTop) });
			y = Math.round(pictureTop + image.height * zoom + gap / 4);
			for (const text of below) write(text, left, BELOW_COLOUR);
			bottom = Math.max(bottom, y);
		});
		y = Math.max(bottom, Math.round(pictureTop + tallest)) + gap;
	}
	const height = y;
	if (width * height > MAX_PIXELS || width > 32767 || height > 32767)
		throw new UserError(
			`a sheet of ${pictures.length} pictures would have ${width}×${height} pixels; take fewer or smaller ones`,
		);
	const letters = await drawOutlines(outlines, width, height);
	for (const { image, left, top } of overlays)
		paste(letters, image, left, top, zoom);
	return letters;
}

async function drawOutlines(
	outlines: readonly string[],
	width: number,
	height: number,
): Promise<RgbImage> {
	if (outlines.length === 0) return rgbImage(width, height);
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${outlines.join("")}</svg>`;
	const { data, info } = await sharp(Buffer.from(svg), {
		limitInputPixels: MAX_PIXELS,
		unlimited: true,
	})
		.flatten({ background: BACKGROUND })
		.toColourspace("srgb")
		.raw()
		.toBuffer({ resolveWithObject: true });
	return rgbImage(info.width, info.height, new Uint8Array(data));
}

/** Puts a picture, each pixel `zoom` times as wide and high, onto a sheet. */
function paste(
	sheet: RgbImage,
	image: RgbImage,
	left: number,
	top: number,
	zoom: number,
): void {
	for (let y = 0; y < image.height * zoom; y++) {
		const from = Math.floor(y / zoom) * image.width;
		const to = (top + y) * sheet.width + left;
		for (let x = 0; x < image.width * zoom; x++) {
			const source = 3 * (from + Math.floor(x / zoom));
			const target = 3 * (to + x);
			sheet.data[target] = image.data[source];
			sheet.data[target + 1] = image.data[source + 1];
			sheet.data[target + 2] = image.data[source + 2];
		}
	}
}
