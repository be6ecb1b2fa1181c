import type { PlaceData } from "./graph.js";
import { type MessageWriter, messageWriter } from "./messageWriter.js";

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
	const writer = messageWriter();
	backwards(Object.entries(model.operatorSets), ([domain, version]) =>
		writer.message(8, () => {
			writer.integer(2, version);
			writer.text(1, domain);
		}),
	);
	writer.message(7, () => {
		backwards(model.outputs, (value) => writeValue(writer, 12, value));
		backwards(model.inputs, (value) => writeValue(writer, 11, value));
		backwards([...model.initializers], (tensor) =>
			writer.message(5, () => writeTensor(writer, tensor, place)),
		);
		writer.text(2, "network");
		backwards(model.nodes, (node) =>
			writer.message(1, () => writeNode(writer, node)),
		);
	});
	writer.text(2, "faster-diffusion");
	writer.integer(1, model.irVersion);
	// it is sent to other threads, with all that its buffer has
	return writer.finish().slice();
}

/** The last one first, as a `MessageWriter` wants them. */
function backwards<Item>(
	items: readonly Item[],
	write: (item: Item) => void,
): void {
	for (let n = items.length - 1; n >= 0; n--) write(items[n]);
}

function writeNode(writer: MessageWriter, node: OnnxNode): void {
	writer.text(7, node.domain);
	backwards(Object.entries(node.attributes), ([name, value]) =>
		writer.message(5, () => {
			writeAttribute(writer, value);
			writer.text(1, name);
		}),
	);
	writer.text(4, node.operator);
	writer.text(3, node.name);
	backwards(node.outputs, (name) => writer.text(2, name));
	backwards(node.inputs, (name) => writer.text(1, name));
}

/** The value, and AttributeProto.AttributeType. */
function writeAttribute(writer: MessageWriter, value: Attribute): void {
	const type = (code: number) => writer.integer(20, code);
	if (typeof value === "number") {
		type(1);
		writer.float(2, value);
	} else if (typeof value === "bigint") {
		type(2);
		writer.integer(3, value);
	} else if (typeof value === "string") {
		type(3);
		writer.text(4, value);
	} else if (isIntegers(value)) {
		type(7);
		backwards(value, (one) => writer.integer(8, one));
	} else {
		type(6);
		backwards(value, (one) => writer.float(7, one));
	}
}

function isIntegers(
	value: readonly bigint[] | readonly number[],
): value is readonly bigint[] {
	return typeof value[0] === "bigint";
}

const EXTERNAL = 1;

function writeTensor(
	writer: MessageWriter,
	{ name, dims, type, data }: OnnxTensor,
	place: PlaceData,
): void {
	if (data instanceof Uint8Array) writer.bytes(9, data);
	else {
		writer.integer(14, EXTERNAL);
		const { location, offset } = place(data.file, data.offset);
		backwards(
			Object.entries({ location, offset, length: data.length }),
			([key, value]) =>
				writer.message(13, () => {
					writer.text(2, `${value}`);
					writer.text(1, key);
				}),
		);
	}
	writer.text(8, name);
	writer.integer(2, type);
	backwards(dims, (dim) => writer.integer(1, dim));
}

function writeValue(
	writer: MessageWriter,
	field: number,
	{ name, type, axes }: OnnxValue,
): void {
	writer.message(field, () => {
		writer.message(2, () =>
			writer.message(1, () => {
				if (axes)
					writer.message(2, () =>
						backwards(axes, (axis) =>
							writer.message(1, () =>
								typeof axis === "number"
									? writer.integer(1, axis)
									: writer.text(2, axis),
							),
						),
					);
				writer.integer(1, type);
			}),
		);
		writer.text(1, name);
	});
}
