import { UserError } from "../errors/userError.js";
import { crc32 } from "../files/crc32.js";

/** What every PNG begins with. */
export const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** A longer text, or more of them, is an attack and no setting. */
const MAX_TEXT = 1 << 20;
const MAX_TEXTS = 64;

/** Whether a file begins as a PNG. */
export function isPng(bytes: Uint8Array): boolean {
	return PNG_SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/**
 * The PNG with one more text, right after its header: a Latin-1 `tEXt` chunk where that holds it, else a UTF-8 `iTXt` one, as
 * Pillow (and so A1111) writes it. NUL characters, which PNG forbids, are left out.
 * @throws RangeError when `png` is none or `key` is no keyword (1 to 79 printable Latin-1 characters).
 */
export function insertPngText(
	png: Uint8Array,
	key: string,
	text: string,
): Uint8Array<ArrayBuffer> {
	if (!isPng(png) || png.length < 33) throw new RangeError("this is no PNG");
	if (!/^[\x20-\x7e\xa1-\xff]{1,79}$/.test(key))
		throw new RangeError(`${JSON.stringify(key)} is no keyword of a PNG text`);
	const content = text.replaceAll("\0", "");
	const chunk = /^[\0-\xff]*$/.test(content)
		? pngChunk("tEXt", latin1(`${key}\0${content}`))
		: pngChunk(
				"iTXt",
				// Keyword, then: not compressed, method 0, no language, no translated keyword.
				joinBytes([
					latin1(`${key}\0\0\0\0\0`),
					new TextEncoder().encode(content),
				]),
			);
	const afterHeader = PNG_SIGNATURE.length + 25;
	return joinBytes([
		png.subarray(0, afterHeader),
		chunk,
		png.subarray(afterHeader),
	]);
}

/**
 * The texts of a PNG by keyword (`tEXt`, `zTXt` and `iTXt`; of a keyword that occurs twice the first).
 * @param name what to call the file in an error.
 * @throws UserError for a file that is no PNG or is damaged before its end, and for texts over 1 MiB.
 */
export async function readPngText(
	bytes: Uint8Array,
	name: string,
): Promise<Map<string, string>> {
	if (!isPng(bytes)) throw new UserError(`${name} is no PNG`);
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const texts = new Map<string, string>();
	let at = PNG_SIGNATURE.length;
	let type = "";
	while (type !== "IEND") {
		if (at + 12 > bytes.length) throw new UserError(`${name} is cut off`);
		const length = view.getUint32(at);
		const end = at + 12 + length;
		if (end > bytes.length) throw new UserError(`${name} is cut off`);
		const body = bytes.subarray(at + 4, end - 4);
		type = fromLatin1(body.subarray(0, 4));
		if (type === "tEXt" || type === "zTXt" || type === "iTXt") {
			if (crc32(body) !== view.getUint32(end - 4))
				throw new UserError(
					`${name} is damaged: the checksum of a text is wrong`,
				);
			const [key, text] = await parseText(type, body.subarray(4), name);
			if (!texts.has(key)) texts.set(key, text);
			if (texts.size > MAX_TEXTS)
				throw new UserError(`${name} has over ${MAX_TEXTS} texts`);
		}
		at = end;
	}
	return texts;
}

async function parseText(
	type: "tEXt" | "zTXt" | "iTXt",
	data: Uint8Array,
	name: string,
): Promise<[string, string]> {
	const damaged = () =>
		new UserError(`${name} is damaged: one of its texts cannot be read`);
	const keyEnd = data.indexOf(0);
	if (keyEnd < 1 || keyEnd > 79) throw damaged();
	const key = fromLatin1(data.subarray(0, keyEnd));
	let rest = data.subarray(keyEnd + 1);
	let compressed = type === "zTXt";
	if (type === "zTXt") rest = rest.subarray(1);
	else if (type === "iTXt") {
		compressed = rest[0] === 1;
		const languageEnd = rest.indexOf(0, 2);
		const translatedEnd =
			languageEnd < 0 ? -1 : rest.indexOf(0, languageEnd + 1);
		if (translatedEnd < 0) throw damaged();
		rest = rest.subarray(translatedEnd + 1);
	}
	if (compressed)
		rest = await inflate(rest).catch(() => {
			throw damaged();
		});
	if (rest.length > MAX_TEXT)
		throw new UserError(
			`${name}: its text ${JSON.stringify(key)} is over 1 MiB`,
		);
	return [
		key,
		type === "iTXt" ? new TextDecoder().decode(rest) : fromLatin1(rest),
	];
}

/** Inflates zlib data, but no further than just over MAX_TEXT. */
async function inflate(data: Uint8Array): Promise<Uint8Array> {
	const parts: Uint8Array[] = [];
	let length = 0;
	const stream = new Blob([new Uint8Array(data)])
		.stream()
		.pipeThrough(new DecompressionStream("deflate"));
	// not every browser iterates over streams
	const reader = stream.getReader();
	while (length <= MAX_TEXT) {
		const { done, value } = await reader.read();
		if (done) break;
		parts.push(value);
		length += value.length;
	}
	await reader.cancel();
	return joinBytes(parts);
}

/** A chunk of a PNG: length, type, data, checksum. */
export function pngChunk(type: string, data: Uint8Array): Uint8Array {
	const body = joinBytes([latin1(type), data]);
	const chunk = new Uint8Array(body.length + 8);
	const view = new DataView(chunk.buffer);
	view.setUint32(0, data.length);
	chunk.set(body, 4);
	view.setUint32(body.length + 4, crc32(body));
	return chunk;
}

function latin1(text: string): Uint8Array {
	return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function fromLatin1(bytes: Uint8Array): string {
	// TextDecoder's "latin1" is Windows-1252, which differs from U+0080 to U+009F.
	let text = "";
	for (let at = 0; at < bytes.length; at += 8192)
		text += String.fromCharCode(...bytes.subarray(at, at + 8192));
	return text;
}

/** The bytes of `parts`, one after another. */
export function joinBytes(
	parts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
	const joined = new Uint8Array(
		parts.reduce((sum, part) => sum + part.length, 0),
	);
	let at = 0;
	for (const part of parts) {
		joined.set(part, at);
		at += part.length;
	}
	return joined;
}
