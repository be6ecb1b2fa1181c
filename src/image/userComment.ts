import { joinBytes } from "./pngText.js";

const EXIF_POINTER = 0x8769;
const USER_COMMENT = 0x9286;
const UNICODE = [0x55, 0x4e, 0x49, 0x43, 0x4f, 0x44, 0x45, 0];

/**
 * An EXIF block (a TIFF file without pictures) whose only field is the UserComment: "UNICODE", NUL and the text in UTF-16BE, as
 * A1111 writes it by piexif.
 */
export function encodeUserComment(text: string): Uint8Array {
	const comment = new Uint8Array(8 + 2 * text.length);
	comment.set(UNICODE);
	const letters = new DataView(comment.buffer);
	for (let i = 0; i < text.length; i++)
		letters.setUint16(8 + 2 * i, text.charCodeAt(i));
	// "MM", 42 and the offset of the first directory; two directories of one 12-byte entry each.
	const head = new Uint8Array(8 + 18 + 18);
	const view = new DataView(head.buffer);
	view.setUint32(0, 0x4d4d002a);
	view.setUint32(4, 8);
	const entry = (
		at: number,
		tag: number,
		type: number,
		count: number,
		value: number,
	) => {
		view.setUint16(at, 1);
		view.setUint16(at + 2, tag);
		view.setUint16(at + 4, type);
		view.setUint32(at + 6, count);
		view.setUint32(at + 10, value);
	};
	entry(8, EXIF_POINTER, 4, 1, 26);
	entry(26, USER_COMMENT, 7, comment.length, head.length);
	return joinBytes([head, comment]);
}

/** The UserComment of an EXIF block; undefined where there is none or the block is damaged. */
export function decodeUserComment(exif: Uint8Array): string | undefined {
	if (exif.length < 8) return undefined;
	const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
	const order = view.getUint16(0);
	if (order !== 0x4d4d && order !== 0x4949) return undefined;
	const little = order === 0x4949;
	/** The count and the value field's place of a tag in the directory at `at`. */
	const find = (at: number, tag: number) => {
		if (at + 2 > exif.length) return undefined;
		const entries = view.getUint16(at, little);
		for (let i = 0; i < entries; i++) {
			const entry = at + 2 + 12 * i;
			if (entry + 12 > exif.length) return undefined;
			if (view.getUint16(entry, little) === tag)
				return { count: view.getUint32(entry + 4, little), value: entry + 8 };
		}
		return undefined;
	};
	const pointer = find(view.getUint32(4, little), EXIF_POINTER);
	if (!pointer) return undefined;
	const comment = find(view.getUint32(pointer.value, little), USER_COMMENT);
	if (!comment || comment.count < 8) return undefined;
	const start = view.getUint32(comment.value, little);
	if (start + comment.count > exif.length) return undefined;
	return commentText(exif.subarray(start, start + comment.count), little);
}

function commentText(comment: Uint8Array, littleFile: boolean): string {
	const text = comment.subarray(8);
	if (!UNICODE.every((byte, i) => comment[i] === byte))
		return new TextDecoder().decode(text).replace(/\0+$/, "");
	// EXIF leaves the byte order open; writers differ, and the settings always have ASCII that gives it away.
	let zerosFirst = 0;
	let zerosSecond = 0;
	for (let i = 0; i + 1 < text.length; i += 2) {
		if (text[i] === 0) zerosFirst++;
		if (text[i + 1] === 0) zerosSecond++;
	}
	const little =
		zerosFirst === zerosSecond ? littleFile : zerosSecond > zerosFirst;
	return new TextDecoder(little ? "utf-16le" : "utf-16be")
		.decode(text)
		.replace(/\0+$/, "");
}
