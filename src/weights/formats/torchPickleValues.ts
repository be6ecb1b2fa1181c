import { dtypeBits } from "./safetensorsHeader.js";
import type { DType } from "./weights.js";

/** Raw values that tensors look into. */
export interface TorchStorage {
	readonly kind: "storage";
	readonly key: string;
	readonly dtype: DType;
	/** Its number of elements. */
	readonly count: number;
	/** Where it begins inside the storage `key`, in elements (legacy files know views). */
	readonly start: number;
}

/** A tensor: a strided look into a storage (offset and strides in elements). */
export interface TorchTensor {
	readonly kind: "tensor";
	readonly storage: TorchStorage;
	readonly offset: number;
	readonly shape: readonly number[];
	readonly strides: readonly number[];
}

export interface PickleDict {
	readonly kind: "dict";
	readonly entries: [PickleValue, PickleValue][];
}

export interface PickleList {
	readonly kind: "list";
	readonly items: PickleValue[];
}

export interface PickleTuple {
	readonly kind: "tuple";
	readonly items: PickleValue[];
}

export interface PickleGlobal {
	readonly kind: "global";
	readonly name: string;
}

/** What a state dict is made of. */
export type PickleValue =
	| null
	| boolean
	| number
	| bigint
	| string
	| PickleDict
	| PickleList
	| PickleTuple
	| PickleGlobal
	| TorchStorage
	| TorchTensor;

const storageTypes: Readonly<Record<string, DType>> = {
	"torch.FloatStorage": "F32",
	"torch.HalfStorage": "F16",
	"torch.BFloat16Storage": "BF16",
	"torch.DoubleStorage": "F64",
	"torch.LongStorage": "I64",
	"torch.IntStorage": "I32",
	"torch.ShortStorage": "I16",
	"torch.CharStorage": "I8",
	"torch.ByteStorage": "U8",
	"torch.BoolStorage": "BOOL",
};

const orderedDict = "collections.OrderedDict";
const rebuildTensor = "torch._utils._rebuild_tensor_v2";
const rebuildOldTensor = "torch._utils._rebuild_tensor";
const rebuildParameter = "torch._utils._rebuild_parameter";

/** The only names that a pickle may ask for. */
export const allowedGlobals: ReadonlySet<string> = new Set([
	orderedDict,
	rebuildTensor,
	rebuildOldTensor,
	rebuildParameter,
	...Object.keys(storageTypes),
]);

/** Narrows a value to one kind. */
export function isKind<
	K extends "dict" | "list" | "tuple" | "tensor" | "storage",
>(
	value: PickleValue | undefined,
	kind: K,
): value is Extract<PickleValue, { kind: K }> {
	return typeof value === "object" && value !== null && value.kind === kind;
}

const isCount = (value: PickleValue | undefined): value is number =>
	typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

/** The result of the few calls that are known; undefined where the arguments are not theirs. */
export function reduced(
	callee: PickleValue,
	args: PickleValue,
): PickleValue | undefined {
	if (
		typeof callee !== "object" ||
		callee === null ||
		callee.kind !== "global" ||
		!isKind(args, "tuple")
	)
		return undefined;
	const { items } = args;
	switch (callee.name) {
		case orderedDict:
			return orderedDictOf(items);
		case rebuildParameter:
			return isKind(items[0], "tensor") ? items[0] : undefined;
		case rebuildTensor:
		case rebuildOldTensor: {
			const [storage, offset, shape, strides] = items;
			const sizes = countsOf(shape);
			const steps = countsOf(strides);
			if (!isKind(storage, "storage") || !isCount(offset) || !sizes || !steps)
				return undefined;
			if (sizes.length !== steps.length) return undefined;
			return { kind: "tensor", storage, offset, shape: sizes, strides: steps };
		}
		default:
			return undefined;
	}
}

/** `OrderedDict()` or, as Python 2 pickled it, `OrderedDict([[key, value], …])`. */
function orderedDictOf(args: readonly PickleValue[]): PickleDict | undefined {
	if (args.length === 0) return { kind: "dict", entries: [] };
	const [pairs] = args;
	if (args.length > 1 || !isKind(pairs, "list")) return undefined;
	const entries: [PickleValue, PickleValue][] = [];
	for (const pair of pairs.items) {
		if (!isKind(pair, "list") && !isKind(pair, "tuple")) return undefined;
		if (pair.items.length !== 2) return undefined;
		entries.push([pair.items[0], pair.items[1]]);
	}
	return { kind: "dict", entries };
}

function countsOf(value: PickleValue | undefined): number[] | undefined {
	if (!isKind(value, "tuple") || value.items.length > 16) return undefined;
	return value.items.every(isCount) ? value.items : undefined;
}

/** ("storage", type, key, location, count[, view]); the view of legacy files is (key, offset, count) or None. */
export function storageOf(
	id: PickleValue,
	refuse: (reason: string) => never,
): TorchStorage {
	if (!isKind(id, "tuple")) return refuse("it is damaged");
	const [word, type, key, , count, view] = id.items;
	const dtype =
		typeof type === "object" && type?.kind === "global"
			? storageTypes[type.name]
			: undefined;
	if (
		word !== "storage" ||
		!dtype ||
		typeof key !== "string" ||
		!isCount(count) ||
		!Number.isSafeInteger((count * dtypeBits[dtype]) / 8)
	)
		return refuse("a storage is described wrongly");
	if (view === undefined || view === null)
		return { kind: "storage", key, dtype, count, start: 0 };
	const [, start, viewCount] = isKind(view, "tuple") ? view.items : [];
	if (!isCount(start) || !isCount(viewCount) || start + viewCount > count)
		return refuse("a storage is described wrongly");
	return { kind: "storage", key, dtype, count: viewCount, start };
}
