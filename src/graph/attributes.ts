import { create } from "@bufbuild/protobuf";
import {
	type AttributeProto,
	AttributeProto_AttributeType,
	AttributeProtoSchema,
} from "onnx-buf";

/** A node's attribute: integers as bigint, floats as number, text as string. */
export type Attribute =
	| bigint
	| number
	| string
	| readonly bigint[]
	| readonly number[];

/** The ONNX form of `name = value`. */
export function attributeProto(name: string, value: Attribute): AttributeProto {
	const type = AttributeProto_AttributeType;
	if (typeof value === "bigint")
		return create(AttributeProtoSchema, { name, type: type.INT, i: value });
	if (typeof value === "number")
		return create(AttributeProtoSchema, { name, type: type.FLOAT, f: value });
	if (typeof value === "string")
		return create(AttributeProtoSchema, {
			name,
			type: type.STRING,
			s: new TextEncoder().encode(value),
		});
	if (isIntegers(value))
		return create(AttributeProtoSchema, {
			name,
			type: type.INTS,
			ints: [...value],
		});
	return create(AttributeProtoSchema, {
		name,
		type: type.FLOATS,
		floats: [...value],
	});
}

function isIntegers(
	value: readonly bigint[] | readonly number[],
): value is readonly bigint[] {
	return typeof value[0] === "bigint";
}
