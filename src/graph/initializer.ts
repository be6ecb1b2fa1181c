import { UserError } from "../errors/userError.js";
import { elementCount } from "../tensor/tensor.js";
import type { TensorEntry, Weights } from "../weights/formats/weights.js";
import { ONNX_TYPE, type OnnxTensor, type OnnxType } from "./onnxModel.js";

/** Data types of weights that a graph can compute with (through a Cast where it is not the type computed in), and their bytes an element. */
const dataTypes: Partial<
	Record<TensorEntry["dtype"], readonly [OnnxType, number]>
> = {
	F32: [ONNX_TYPE.float32, 4],
	F16: [ONNX_TYPE.float16, 2],
	BF16: [ONNX_TYPE.bfloat16, 2],
	F64: [ONNX_TYPE.float64, 8],
};

/** What is read of a weight: its whole shape in the file, the rows of its first axis that are wanted, and the shape the graph sees. */
export interface WeightView {
	readonly name: string;
	/** Shape the network expects in the file. Trailing axes of one element make no difference: a 1x1 convolution is a linear layer. */
	readonly shape: readonly number[];
	readonly rows?: readonly [from: number, to: number];
	/** Shape of the (rows of the) weight in the graph, where it is another: same elements, same order. */
	readonly as?: readonly number[];
}

/** Shape in the graph of what a view reads. */
export function viewShape(view: WeightView): readonly number[] {
	if (view.as) return view.as;
	if (!view.rows) return view.shape;
	return [view.rows[1] - view.rows[0], ...view.shape.slice(1)];
}

/**
 * An initializer called `as` whose data is a view of a weight where it lies in its file: nothing is read or copied here.
 * @throws UserError that names the tensor when it is missing, has another shape, or a data type no graph computes with.
 */
export function weightInitializer(
	weights: Weights,
	view: WeightView,
	as: string,
): { tensor: OnnxTensor; file: string } {
	const entry = weights.tensors.get(view.name);
	if (!entry)
		throw new UserError(
			`${weights.label}: tensor ${view.name} is missing (its config.json asks for one of shape ${showShape(view.shape)}); is this the right model, whole?`,
		);
	if (withoutTrailingOnes(entry.shape) !== withoutTrailingOnes(view.shape))
		throw new UserError(
			`${weights.label}: tensor ${view.name} has shape ${showShape(entry.shape)} where its config.json asks for ${showShape(view.shape)}; weights and config do not belong together`,
		);
	const [type, bytes] = dataTypes[entry.dtype] ?? [];
	if (type === undefined || bytes === undefined)
		throw new UserError(
			`${weights.label}: tensor ${view.name} is of type ${entry.dtype}; F32, F16 and BF16 weights can be used`,
		);
	if (entry.length !== elementCount(entry.shape) * bytes)
		throw new UserError(
			`${weights.label}: tensor ${view.name} is ${entry.length} bytes long where its shape asks for ${elementCount(entry.shape) * bytes}`,
		);
	const dims = viewShape(view);
	const rowBytes = elementCount(view.shape.slice(1)) * bytes;
	return {
		tensor: {
			name: as,
			dims,
			type,
			data: {
				file: entry.file,
				offset: BigInt(entry.offset + (view.rows?.[0] ?? 0) * rowBytes),
				length: BigInt(elementCount(dims) * bytes),
			},
		},
		file: entry.file,
	};
}

/** An initializer with the values in the model itself. */
export function constantInitializer(
	name: string,
	values: readonly bigint[] | Float32Array,
	dims: readonly number[],
): OnnxTensor {
	const isFloat = values instanceof Float32Array;
	const data = isFloat ? values : BigInt64Array.from(values);
	return {
		name,
		dims,
		type: isFloat ? ONNX_TYPE.float32 : ONNX_TYPE.int64,
		data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice(),
	};
}

function withoutTrailingOnes(shape: readonly number[]): string {
	let end = shape.length;
	while (end > 1 && shape[end - 1] === 1) end--;
	return shape.slice(0, end).join();
}

function showShape(shape: readonly number[]): string {
	return `[${shape.join(", ")}]`;
}
