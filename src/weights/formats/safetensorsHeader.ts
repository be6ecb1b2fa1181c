import { shorten } from "../../errors/shorten.js";
import { UserError } from "../../errors/userError.js";
import { parseStrictJson, type StrictJson } from "./strictJson.js";
import type { DType } from "./weights.js";

/** A tensor of a safetensors header; `offset` is absolute (from the start of the file). */
export interface HeaderEntry {
	readonly name: string;
	readonly dtype: DType;
	readonly shape: readonly number[];
	readonly offset: number;
	readonly length: number;
}

/** What the header of a safetensors file says; every entry lies inside the file. */
export interface SafetensorsHeader {
	readonly entries: ReadonlyMap<string, HeaderEntry>;
	readonly metadata: ReadonlyMap<string, string>;
	/** Bytes before the data: 8 and the header's JSON. */
	readonly dataStart: number;
}

/** Bits of one element of each data type. */
export const dtypeBits: Readonly<Record<DType, number>> = {
	BOOL: 8,
	F4: 4,
	F6_E2M3: 6,
	F6_E3M2: 6,
	U8: 8,
	I8: 8,
	F8_E5M2: 8,
	F8_E4M3: 8,
	F8_E8M0: 8,
	F8_E4M3FNUZ: 8,
	F8_E5M2FNUZ: 8,
	I16: 16,
	U16: 16,
	F16: 16,
	BF16: 16,
	I32: 32,
	U32: 32,
	F32: 32,
	C64: 64,
	F64: 64,
	I64: 64,
	U64: 64,
};

/** The reference's limit on the header's length. */
const maxHeaderLength = 100_000_000;

/** Bytes at the start of a file that `safetensorsDataStart` needs. */
export const lengthFieldSize = 8;

/**
 * Where the data of a safetensors file starts: 8 + the header's length, which its first 8 bytes say.
 * @param start at least the file's first 8 bytes.
 * @throws UserError when the length is more than the format allows or than the file holds.
 */
export function safetensorsDataStart(
	start: Uint8Array,
	fileSize: number,
	label: string,
): number {
	if (fileSize < lengthFieldSize || start.length < lengthFieldSize)
		return refuse(label, `it has only ${fileSize} bytes`);
	const view = new DataView(start.buffer, start.byteOffset, lengthFieldSize);
	const length = view.getBigUint64(0, true);
	if (length > maxHeaderLength)
		return refuse(
			label,
			`its header would be ${length} bytes long (at most ${maxHeaderLength} are allowed)`,
		);
	const dataStart = lengthFieldSize + Number(length);
	if (dataStart > fileSize)
		return refuse(
			label,
			`its header would be ${length} bytes long, but the file has only ${fileSize} bytes`,
		);
	return dataStart;
}

/**
 * Parses the header of a safetensors file by every rule of the reference implementation (huggingface/safetensors, tensor.rs)
 * and of the format's description: tensors cover the data without holes or overlaps, in whole bytes that their shape and type
 * ask for, up to the very end of the file; no name occurs twice; metadata are strings.
 * @param head the file's first `safetensorsDataStart` bytes (more are ignored).
 * @throws UserError, one line that names `label` and the reason.
 */
export function parseSafetensorsHeader(
	head: Uint8Array,
	fileSize: number,
	label: string,
): SafetensorsHeader {
	const dataStart = safetensorsDataStart(head, fileSize, label);
	if (head.length < dataStart) return refuse(label, "it ends in its header");
	let text: string;
	try {
		text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
			head.subarray(lengthFieldSize, dataStart),
		);
	} catch {
		return refuse(label, "its header is not UTF-8");
	}
	if (!text.startsWith("{"))
		return refuse(label, "its header does not begin with {");
	let json: StrictJson;
	try {
		json = parseStrictJson(text);
	} catch (error) {
		return refuse(
			label,
			`its header has ${error instanceof SyntaxError ? error.message : "wrong JSON"}`,
		);
	}
	if (!isObject(json)) return refuse(label, "its header is no object");

	const metadata = parseMetadata(json.get("__metadata__"), label);
	const entries: HeaderEntry[] = [];
	for (const [name, info] of json)
		if (name !== "__metadata__")
			entries.push(parseEntry(name, info, dataStart, label));
	checkLayout(entries, dataStart, fileSize, label);
	return {
		entries: new Map(entries.map((entry) => [entry.name, entry])),
		metadata,
		dataStart,
	};
}

function parseMetadata(
	value: StrictJson | undefined,
	label: string,
): Map<string, string> {
	const metadata = new Map<string, string>();
	if (value === undefined || value === null) return metadata;
	if (!isObject(value)) return refuse(label, "its __metadata__ is no object");
	for (const [key, text] of value) {
		if (typeof text !== "string")
			return refuse(label, `its metadata "${shorten(key)}" is no string`);
		metadata.set(key, text);
	}
	return metadata;
}

/** One tensor's dtype, shape and data_offsets, the length checked against shape and dtype. */
function parseEntry(
	name: string,
	info: StrictJson,
	dataStart: number,
	label: string,
): HeaderEntry {
	const wrong = (reason: string): never =>
		refuse(label, `tensor "${shorten(name)}" ${reason}`);
	if (!isObject(info)) return wrong("is no object");

	const dtype = info.get("dtype");
	if (typeof dtype !== "string") return wrong("has no dtype");
	if (!Object.hasOwn(dtypeBits, dtype))
		return wrong(`has the unknown dtype "${shorten(dtype)}"`);

	const shape = unsignedIntegers(info.get("shape"));
	if (!shape) return wrong("has no shape of whole numbers");
	const offsets = unsignedIntegers(info.get("data_offsets"));
	if (offsets?.length !== 2)
		return wrong("has no data_offsets of two whole numbers");
	const [begin, end] = offsets;
	if (end < begin) return wrong(`ends (${end}) before it begins (${begin})`);

	let elements = 1;
	for (const dim of shape) {
		elements *= dim;
		if (!Number.isSafeInteger(elements))
			return wrong("has more elements than can be counted");
	}
	const bits = elements * dtypeBits[dtype as DType];
	if (!Number.isSafeInteger(bits))
		return wrong("has more elements than can be counted");
	if (bits % 8 !== 0) return wrong(`does not end on a whole byte (${dtype})`);
	if (end - begin !== bits / 8)
		return wrong(
			`has ${end - begin} bytes, but ${dtype} [${shape.join(", ")}] takes ${bits / 8}`,
		);
	return {
		name,
		dtype: dtype as DType,
		shape,
		offset: dataStart + begin,
		length: end - begin,
	};
}

/** Sorts entries by their place and checks that they cover the data from its start to the file's end. */
function checkLayout(
	entries: HeaderEntry[],
	dataStart: number,
	fileSize: number,
	label: string,
): void {
	entries.sort((a, b) => a.offset - b.offset || a.length - b.length);
	let end = dataStart;
	for (const { name, offset, length } of entries) {
		if (offset !== end)
			refuse(
				label,
				`tensor "${shorten(name)}" ${offset < end ? "overlaps the one before it" : "leaves a hole before it"}`,
			);
		end = offset + length;
	}
	if (end !== fileSize)
		refuse(
			label,
			end > fileSize
				? `its tensors take ${end} bytes, but the file has only ${fileSize} (a download cut short?)`
				: `${fileSize - end} bytes follow after its last tensor`,
		);
}

/** Numbers written as plain unsigned integers that are exact in float64, or undefined. */
function unsignedIntegers(value: StrictJson | undefined): number[] | undefined {
	if (!Array.isArray(value)) return undefined;
	const numbers: number[] = [];
	for (const item of value as readonly StrictJson[]) {
		if (typeof item !== "object" || item === null || !("literal" in item))
			return undefined;
		const number = Number(item.literal);
		if (!/^[0-9]+$/.test(item.literal) || !Number.isSafeInteger(number))
			return undefined;
		numbers.push(number);
	}
	return numbers;
}

function isObject(value: StrictJson): value is ReadonlyMap<string, StrictJson> {
	return value instanceof Map;
}

function refuse(label: string, reason: string): never {
	throw new UserError(`${label} is not a valid safetensors file: ${reason}`);
}
