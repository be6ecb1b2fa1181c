import type { PlaceData } from "./graph.js";

/** What graphs need of ONNX's format (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), and how it is written as bytes. */

/** TensorProto.DataType. */
export const ONNX_TYPE = {
	float32: 1,
	int32: 6,
	int64: 7,
	float16: 10,
	float64: 11,
	bfloat16: 16,
} as const;

/** The type of a tensor's elements. */
export type OnnxType = (typeof ONNX_TYPE)[keyof typeof ONNX_TYPE];

/** A node's attribute: integers as bigint, floats as number, text as string. */
export type Attribute =
	| bigint
	| number
	| string
	| readonly bigint[]
	| readonly number[];

/** An operator with the names of what it takes and gives. */
export interface OnnxNode {
	readonly name: string;
	readonly operator: string;
	/** Operator set; "" is ONNX's own. */
	readonly domain: string;
	inputs: readonly string[];
	readonly outputs: string[];
	readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A constant tensor: its bytes, or where they lie in a file beside the model. */
export interface OnnxTensor {
	readonly name: string;
	readonly dims: readonly number[];
	readonly type: OnnxType;
	readonly data:
		| Uint8Array
		| {
				readonly file: string;
				/** Bytes from the start of the file. */
				readonly offset: bigint;
				readonly length: bigint;
		  };
}

/** An input or output; `axes` are its dims, a name where a size is open. */
export interface OnnxValue {
	readonly name: string;
	readonly type: OnnxType;
	readonly axes?: readonly (string | number)[];
}

export interface OnnxModel {
	readonly irVersion: bigint;
	/** Versions of operator sets by their domains. */
	readonly operatorSets: Readonly<Record<string, bigint>>;
	readonly nodes: readonly OnnxNode[];
	readonly initializers: Iterable<OnnxTensor>;
	readonly inputs: readonly OnnxValue[];
	readonly outputs: readonly OnnxValue[];
}

/** A model as the bytes of a ModelProto, its external data where `place` says. */
export function encodeModel(model: OnnxModel, place: PlaceData): Uint8Array {
	const operatorSets = Object.entries(model.operatorSets);
	return message(
		integer(1, model.irVersion),
		text(2, "faster-diffusion"),
		bytes(
			7,
			message(
				...model.nodes.map((node) => bytes(1, encodeNode(node))),
				text(2, "network"),
				...Array.from(model.initializers, (tensor) =>
					bytes(5, encodeTensor(tensor, place)),
				),
				...model.inputs.map((value) => bytes(11, encodeValue(value))),
				...model.outputs.map((value) => bytes(12, encodeValue(value))),
			),
		),
		...operatorSets.map(([domain, version]) =>
			bytes(8, message(text(1, domain), integer(2, version))),
		),
	);
}

function encodeNode(node: OnnxNode): Uint8Array {
	return message(
		...node.inputs.map((name) => text(1, name)),
		...node.outputs.map((name) => text(2, name)),
		text(3, node.name),
		text(4, node.operator),
		...Object.entries(node.attributes).map(([name, value]) =>
			bytes(5, message(text(1, name), ...encodeAttribute(value))),
		),
		text(7, node.domain),
	);
}

/** AttributeProto.AttributeType, with the field of the value. */
function encodeAttribute(value: Attribute): Uint8Array[] {
	const ofType = (type: number, ...fields: Uint8Array[]) => [
		...fields,
		integer(20, BigInt(type)),
	];
	if (typeof value === "number") return ofType(1, float(2, value));
	if (typeof value === "bigint") return ofType(2, integer(3, value));
	if (typeof value === "string") return ofType(3, text(4, value));
	return isIntegers(value)
		? ofType(7, ...value.map((one) => integer(8, one)))
		: ofType(6, ...value.map((one) => float(7, one)));
}

function isIntegers(
	value: readonly bigint[] | readonly number[],
): value is readonly bigint[] {
	return typeof value[0] === "bigint";
}

const EXTERNAL = 1n;

function encodeTensor(
	{ name, dims, type, data }: OnnxTensor,
	place: PlaceData,
): Uint8Array {
	return message(
		...dims.map((dim) => integer(1, BigInt(dim))),
		integer(2, BigInt(type)),
		text(8, name),
		...(data instanceof Uint8Array
			? [bytes(9, data)]
			: [
					...Object.entries({
						...place(data.file, data.offset),
						length: data.length,
					}).map(([key, value]) =>
						bytes(13, message(text(1, key), text(2, `${value}`))),
					),
					integer(14, EXTERNAL),
				]),
	);
}

function encodeValue({ name, type, axes }: OnnxValue): Uint8Array {
	const shape = axes?.map((axis) =>
		bytes(
			1,
			typeof axis === "number" ? integer(1, BigInt(axis)) : text(2, axis),
		),
	);
	return message(
		text(1, name),
		bytes(
			2,
			bytes(
				1,
				message(
					integer(1, BigInt(type)),
					...(shape ? [bytes(2, message(...shape))] : []),
				),
			),
		),
	);
}

/** How a field's value is written (https://protobuf.dev/programming-guides/encoding). */
const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

function integer(field: number, value: bigint): Uint8Array {
	return Uint8Array.from([
		...key(field, VARINT),
		...varint(BigInt.asUintN(64, value)),
	]);
}

function float(field: number, value: number): Uint8Array {
	const result = new Uint8Array([...key(field, FIXED_32), 0, 0, 0, 0]);
	new DataView(result.buffer).setFloat32(result.length - 4, value, true);
	return result;
}

const encoder = new TextEncoder();

function text(field: number, value: string): Uint8Array {
	return bytes(field, encoder.encode(value));
}

function bytes(field: number, value: Uint8Array): Uint8Array {
	const start = [
		...key(field, LENGTH_DELIMITED),
		...varint(BigInt(value.length)),
	];
	const result = new Uint8Array(start.length + value.length);
	result.set(start);
	result.set(value, start.length);
	return result;
}

function message(...fields: readonly Uint8Array[]): Uint8Array {
	let length = 0;
	for (const field of fields) length += field.length;
	const result = new Uint8Array(length);
	let at = 0;
	for (const field of fields) {
		result.set(field, at);
		at += field.length;
	}
	return result;
}

function key(field: number, wire: number): number[] {
	return varint(BigInt((field << 3) | wire));
}

/** Seven bits a byte, the lowest first; all but the last have the eighth bit set. */
function varint(value: bigint): number[] {
	const result: number[] = [];
	let rest = value;
	for (; rest > 0x7fn; rest >>= 7n) result.push(Number(rest & 0x7fn) | 0x80);
	result.push(Number(rest));
	return result;
}
