import { mustBeBytes } from "../errors/mustBe.js";
import { UserError } from "../errors/userError.js";
import { float16 } from "./float16.js";
import { elementCount, type Tensor, tensor } from "./tensor.js";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** numpy leaves room for an axis of this many digits to grow in place. */
const GROWTH_DIGITS = 21;
const MAX_HEADER = 65_536;
const MAX_DIMS = 32;

type Reader = (view: DataView, at: number, littleEndian: boolean) => number;

const READERS: Record<string, { size: number; read: Reader }> = {
	f2: {
		size: 2,
		read: (view, at, little) => float16(view.getUint16(at, little)),
	},
	f4: { size: 4, read: (view, at, little) => view.getFloat32(at, little) },
	f8: { size: 8, read: (view, at, little) => view.getFloat64(at, little) },
	i4: { size: 4, read: (view, at, little) => view.getInt32(at, little) },
	i8: {
		size: 8,
		read: (view, at, little) => Number(view.getBigInt64(at, little)),
	},
	u1: { size: 1, read: (view, at) => view.getUint8(at) },
};

/** An array of doubles, row-major. */
export interface DoubleArray {
	readonly dims: readonly number[];
	readonly data: Float64Array;
}

/** The tensor as a .npy file (version 1.0, little-endian float32, C order), byte for byte as `numpy.save` writes it. */
export function encodeNpy({ dims, data }: Tensor): Uint8Array {
	const { bytes, start } = withHeader(dims, "<f4", 4 * data.length);
	const view = new DataView(bytes.buffer);
	for (let i = 0; i < data.length; i++)
		view.setFloat32(start + 4 * i, data[i], true);
	return bytes;
}

/** As `encodeNpy`, in float64. */
export function encodeNpyDoubles({ dims, data }: DoubleArray): Uint8Array {
	const { bytes, start } = withHeader(dims, "<f8", 8 * data.length);
	const view = new DataView(bytes.buffer);
	for (let i = 0; i < data.length; i++)
		view.setFloat64(start + 8 * i, data[i], true);
	return bytes;
}

/** A file with its header written and room for the data from `start` on. */
function withHeader(
	dims: readonly number[],
	descr: string,
	dataLength: number,
): { bytes: Uint8Array<ArrayBuffer>; start: number } {
	const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(", ")})`;
	let header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
	if (dims.length > 0)
		header += " ".repeat(GROWTH_DIGITS - String(dims[0]).length);
	const unpadded = MAGIC.length + 4 + header.length + 1;
	header += `${" ".repeat(64 - (unpadded % 64))}\n`;
	const start = MAGIC.length + 4 + header.length;
	const bytes = new Uint8Array(start + dataLength);
	bytes.set([...MAGIC, 1, 0, header.length & 0xff, header.length >> 8]);
	bytes.set(new TextEncoder().encode(header), MAGIC.length + 4);
	return { bytes, start };
}

/**
 * The array of a .npy file (versions 1 to 3; float16, float32, float64, int32, int64 or uint8 of either byte order), as
 * float32.
 * @param name what to call the file in an error.
 * @throws UserError for anything that is no such file, and for arrays in Fortran order.
 */
export function decodeNpy(bytes: Uint8Array, name: string): Tensor {
	return decode(bytes, name, tensor);
}

/**
 * As `decodeNpy`, as float64 (integers beyond 2^53 are rounded).
 * @throws UserError for anything that is no such file, and for arrays in Fortran order.
 */
export function decodeNpyDoubles(bytes: Uint8Array, name: string): DoubleArray {
	return decode(bytes, name, (dims) => ({
		dims,
		data: new Float64Array(elementCount(dims)),
	}));
}

function decode<T extends { data: Float32Array | Float64Array }>(
	bytes: Uint8Array,
	name: string,
	allocate: (dims: number[]) => T,
): T {
	mustBeBytes(bytes, name);
	const fail = (reason: string): never => {
		throw new UserError(`${name} is no usable .npy array: ${reason}`);
	};
	if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte))
		fail("it does not begin as one");
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const version = bytes[6];
	if (version < 1 || version > 3)
		fail(`its version is ${version}, this reads 1 to 3`);
	if (version > 1 && bytes.length < 12) fail("its header is cut off");
	const headerStart = version === 1 ? 10 : 12;
	const headerLength =
		version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
	if (headerLength > MAX_HEADER)
		fail(`its header claims ${headerLength} bytes`);
	const start = headerStart + headerLength;
	if (start > bytes.length) fail("its header is cut off");
	const header = parseHeader(
		new TextDecoder().decode(bytes.subarray(headerStart, start)),
	);
	if (!header) return fail("its header cannot be read");
	const { descr, fortranOrder, dims } = header;
	const reader = /^[<>|=]/.test(descr) ? READERS[descr.slice(1)] : undefined;
	if (!reader)
		return fail(
			`its type is ${JSON.stringify(descr)}, this reads ${Object.keys(READERS).join(", ")}`,
		);
	if (fortranOrder && dims.filter((dim) => dim !== 1).length > 1)
		fail(
			"it is in Fortran order; save it with numpy.save(file, numpy.ascontiguousarray(array))",
		);
	const count = elementCount(dims);
	if (count * reader.size !== bytes.length - start)
		fail(
			`[${dims.join(", ")}] of ${descr} takes ${count * reader.size} bytes, the file has ${bytes.length - start}`,
		);
	const result = allocate(dims);
	for (let i = 0; i < count; i++)
		result.data[i] = reader.read(
			view,
			start + i * reader.size,
			descr[0] !== ">",
		);
	return result;
}

/** The Python dict of a header, which is a fixed set of keys in any order; undefined where it is anything else. */
function parseHeader(
	text: string,
): { descr: string; fortranOrder: boolean; dims: number[] } | undefined {
	const dict = text.trim();
	if (!dict.startsWith("{") || !dict.endsWith("}")) return undefined;
	let rest = dict.slice(1, -1);
	const values = new Map<string, string>();
	while (rest.trim() !== "") {
		const entry =
			/^\s*(['"])(descr|fortran_order|shape)\1\s*:\s*('[^']{0,16}'|"[^"]{0,16}"|True|False|\([\d\sL,]*\))\s*(?:,|$)/.exec(
				rest,
			);
		if (!entry || values.has(entry[2])) return undefined;
		values.set(entry[2], entry[3]);
		rest = rest.slice(entry[0].length);
	}
	const descr = values.get("descr");
	const order = values.get("fortran_order");
	const shape = values.get("shape");
	if (!descr || !/^['"]/.test(descr) || !order || !/^[TF]/.test(order))
		return undefined;
	if (!shape || !/^\(\s*(?:\d+L?\s*(?:,\s*|(?=\))))*\)$/.test(shape))
		return undefined;
	const dims = (shape.match(/\d+/g) ?? []).map(Number);
	if (dims.length > MAX_DIMS || !dims.every(Number.isSafeInteger))
		return undefined;
	return { descr: descr.slice(1, -1), fortranOrder: order === "True", dims };
}
