import { joinBytes } from "./pngText.js";

/** "Exif" and two NULs, before the TIFF block in a JPEG. */
const JPEG_MARK = Uint8Array.of(0x45, 0x78, 0x69, 0x66, 0, 0);
const WEBP_EXIF_FLAG = 0x08;

/** Whether a file begins as a JPEG. */
export function isJpeg(bytes: Uint8Array): boolean {
	return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/** Whether a file begins as a WebP. */
export function isWebp(bytes: Uint8Array): boolean {
	return fourLetters(bytes, 0) === "RIFF" && fourLetters(bytes, 8) === "WEBP";
}

/**
 * The JPEG with an EXIF block in front.
 * @throws RangeError when the block is longer than the 64 KiB that a JPEG segment holds (see `checkParameters`).
 */
export function insertJpegExif(
	jpeg: Uint8Array,
	exif: Uint8Array,
): Uint8Array<ArrayBuffer> {
	const length = 2 + JPEG_MARK.length + exif.length;
	if (length > 0xffff)
		throw new RangeError(`an EXIF block of ${exif.length} bytes is too long`);
	const head = Uint8Array.of(0xff, 0xe1, length >> 8, length & 0xff);
	return joinBytes([
		jpeg.subarray(0, 2),
		head,
		JPEG_MARK,
		exif,
		jpeg.subarray(2),
	]);
}

/** The EXIF block of a JPEG; undefined where there is none before the picture, or the file is damaged there. */
export function jpegExif(jpeg: Uint8Array): Uint8Array | undefined {
	let at = 2;
	while (at + 4 <= jpeg.length && jpeg[at] === 0xff) {
		const marker = jpeg[at + 1];
		const length = (jpeg[at + 2] << 8) | jpeg[at + 3];
		const end = at + 2 + length;
		// Start of scan: entropy-coded data follows, and no segments.
		if (marker === 0xda || length < 2 || end > jpeg.length) return undefined;
		const body = jpeg.subarray(at + 4, end);
		if (marker === 0xe1 && JPEG_MARK.every((byte, i) => body[i] === byte))
			return body.subarray(JPEG_MARK.length);
		at = end;
	}
	return undefined;
}

/** The WebP with an EXIF block at its end, and the extended header that announces it. */
export function insertWebpExif(
	webp: Uint8Array,
	exif: Uint8Array,
	size: { width: number; height: number },
): Uint8Array<ArrayBuffer> {
	const chunks = [...webpChunks(webp)].filter(({ type }) => type !== "EXIF");
	const extended = chunks.find(({ type }) => type === "VP8X");
	const header = new Uint8Array(10);
	if (extended) header.set(extended.data.subarray(0, 10));
	else {
		const view = new DataView(header.buffer);
		view.setUint32(4, size.width - 1, true);
		header[7] = (size.height - 1) & 0xff;
		header[8] = ((size.height - 1) >> 8) & 0xff;
		header[9] = (size.height - 1) >> 16;
	}
	header[0] |= WEBP_EXIF_FLAG;
	const body = joinBytes([
		riffChunk("VP8X", header),
		...chunks
			.filter(({ type }) => type !== "VP8X")
			.map(({ type, data }) => riffChunk(type, data)),
		riffChunk("EXIF", exif),
	]);
	return riffChunk("RIFF", joinBytes([letters("WEBP"), body]));
}

/** The EXIF block of a WebP; undefined where there is none. */
export function webpExif(webp: Uint8Array): Uint8Array | undefined {
	for (const { type, data } of webpChunks(webp))
		if (type === "EXIF")
			// Some writers keep the JPEG's mark in front.
			return JPEG_MARK.every((byte, i) => data[i] === byte)
				? data.subarray(JPEG_MARK.length)
				: data;
	return undefined;
}

function* webpChunks(
	webp: Uint8Array,
): Generator<{ type: string; data: Uint8Array }> {
	const view = new DataView(webp.buffer, webp.byteOffset, webp.byteLength);
	let at = 12;
	while (at + 8 <= webp.length) {
		const length = view.getUint32(at + 4, true);
		if (at + 8 + length > webp.length) return;
		yield {
			type: fourLetters(webp, at),
			data: webp.subarray(at + 8, at + 8 + length),
		};
		at += 8 + length + (length & 1);
	}
}

function riffChunk(type: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
	const head = new Uint8Array(8);
	head.set(letters(type));
	new DataView(head.buffer).setUint32(4, data.length, true);
	return joinBytes([head, data, new Uint8Array(data.length & 1)]);
}

function letters(type: string): Uint8Array {
	return Uint8Array.from(type, (letter) => letter.charCodeAt(0));
}

function fourLetters(bytes: Uint8Array, at: number): string {
	return String.fromCharCode(...bytes.subarray(at, at + 4));
}
