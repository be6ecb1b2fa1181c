import type {
	WeightChange,
	WeightFile,
	Weights,
} from "../weights/formats/weights.js";
import { adaptedWeight, changedMatrix } from "./adaptedWeight.js";
import type { Graph, PlaceData } from "./graph.js";
import { defaultFlavour, type GraphFlavour } from "./graphFlavour.js";
import {
	constantInitializer,
	viewShape,
	type WeightView,
	weightInitializer,
} from "./initializer.js";
import {
	type Attribute,
	encodeModel,
	ONNX_TYPE,
	type OnnxNode,
	type OnnxTensor,
	type OnnxType,
	type OnnxValue,
} from "./onnxModel.js";

/** A tensor inside a graph: its name, and its dims at the sizes the graph is counted for (the graph itself stays open to others). */
export interface Value {
	readonly name: string;
	readonly dims: readonly number[];
}

/** Where a node comes from and what it gives. */
export interface NodeOptions {
	/** Dims of its result at the sizes the graph is counted for. */
	readonly dims: readonly number[];
	readonly attributes?: Readonly<Record<string, Attribute>>;
	/** Operator set, when not ONNX's own. */
	readonly domain?: "com.microsoft";
	/** Which of the operator's outputs the value is; the first (0) unless given. */
	readonly output?: number;
}

/** How a weight is read, where it is not whole (see `WeightView`). */
export interface WeightOptions extends Omit<WeightView, "name" | "shape"> {
	/** As it is in the file, without what adapters change. */
	readonly stored?: boolean;
}

/**
 * Type of a value inside a graph: `compute` is the flavour's; `float32` is for what float16 cannot hold, such as timesteps and positions.
 */
export type FloatType = "compute" | "float32";

/** Writes an ONNX graph node by node. `at(…)` gives the same graph under a longer scope: weight names are relative to the scope. */
export interface GraphBuilder {
	/** Dotted path of weight names written so far, e.g. "down_blocks.0.resnets.1". */
	readonly scope: string;
	readonly flavour: GraphFlavour;
	at(...path: readonly (string | number)[]): GraphBuilder;
	/** Whether the weights hold this tensor (relative to the scope); true when only shapes are asked for. */
	has(name: string): boolean;
	/** A weight (relative to the scope) of the shape it must have. @throws UserError when it has not, or is missing. */
	weight(
		name: string,
		shape: readonly number[],
		options?: WeightOptions,
	): Value;
	/** What adapters change of this scope's layer; `weight` has it in it unless the stored one is asked for. */
	adapters(): readonly WeightChange[];
	/** The same graph with scopes counted from the root: for tensors that are known by their whole name. */
	root(): GraphBuilder;
	integers(values: readonly number[]): Value;
	floats(
		values: Float32Array,
		dims: readonly number[],
		type?: FloatType,
	): Value;
	/** A float32 value in the type that the network computes in. */
	computed(value: Value): Value;
	/** A graph input; `axes` are its dims in the graph: a name where the size is open. Float inputs come as float32. */
	input(
		name: string,
		axes: readonly (string | number)[],
		dims: readonly number[],
		type?: FloatType | "int32",
	): Value;
	output(name: string, value: Value): void;
	node(operator: string, inputs: readonly Value[], options: NodeOptions): Value;
	/** The dims of a value as it is at run time (an int64 vector). */
	shapeOf(value: Value): Value;
	/** Counts work: multiply-adds of the node just written. */
	countMultiplyAdds(count: number): void;
	finish(): Graph;
}

const opset = 21n;
const irVersion = 10n;

/**
 * A builder over a network's weights. With `weights` null nothing but shapes and work is collected: `finish()` gives a graph
 * without a model, for counting.
 */
export function graphBuilder(
	weights: Weights | null,
	flavour: GraphFlavour = defaultFlavour,
): GraphBuilder {
	const computeType =
		flavour.compute === "float16" ? ONNX_TYPE.float16 : ONNX_TYPE.float32;
	const nodes: OnnxNode[] = [];
	let nodeCount = 0;
	const initializers = new Map<string, OnnxTensor>();
	const files = new Map<string, WeightFile>();
	const tensors = new Map<string, readonly number[]>();
	const inputs: OnnxValue[] = [];
	const outputs = new Map<string, Value>();
	const shapes = new Map<string, Value>();
	const casts = new Map<string, Value>();
	/** Weights with what adapters change of them, as matrices. */
	const changed = new Map<string, Value>();
	let flops = 0;

	function addNode(
		name: string,
		operator: string,
		nodeInputs: readonly Value[],
		options: NodeOptions,
	): Value {
		nodeCount++;
		if (!weights) return { name, dims: options.dims };
		nodes.push({
			name,
			operator,
			domain: options.domain ?? "",
			inputs: nodeInputs.map((value) => value.name),
			outputs: [
				...Array.from(
					{ length: options.output ?? 0 },
					(_, before) => `${name}:${before}`,
				),
				name,
			],
			attributes: options.attributes ?? {},
		});
		return { name, dims: options.dims };
	}

	function cast(value: Value, name: string, to: OnnxType): Value {
		return addNode(name, "Cast", [value], {
			dims: value.dims,
			attributes: { to: BigInt(to) },
		});
	}

	/** A float32 value in the type that is computed in. */
	function computed(value: Value): Value {
		if (flavour.compute === "float32") return value;
		const known = casts.get(value.name);
		if (known) return known;
		const result = cast(value, `${value.name}:compute`, computeType);
		casts.set(value.name, result);
		return result;
	}

	function addWeight(view: WeightView): Value {
		tensors.set(view.name, view.shape);
		const dims = viewShape(view);
		const rows = view.rows ? `[${view.rows.join(":")}]` : "";
		const name = `${view.name}${rows}${view.as ? `[${dims.join()}]` : ""}`;
		if (!weights) return { name, dims };
		const known = casts.get(name);
		if (known) return known;
		const { tensor, file } = weightInitializer(weights, view, name);
		const source = weights.files.get(file);
		if (source) files.set(file, source);
		initializers.set(name, tensor);
		if (tensor.type === computeType) return { name, dims };
		const value = cast({ name, dims }, `${name}:compute`, computeType);
		casts.set(name, value);
		return value;
	}

	function finish(): Graph {
		if (weights) renameOutputs(nodes, outputs);
		return {
			label: weights?.label ?? "shapes only",
			model: (place = whereItIs) =>
				weights ? serialize(place) : new Uint8Array(0),
			files,
			inputs: inputs.map((input) => input.name),
			outputs: [...outputs.keys()],
			flops,
			tensors,
		};
	}

	function serialize(place: PlaceData): Uint8Array {
		const model = {
			irVersion,
			operatorSets: { "": opset, "com.microsoft": 1n },
			nodes,
			initializers: initializers.values(),
			inputs,
			outputs: [...outputs.keys()].map((name) => ({
				name,
				type: ONNX_TYPE.float32,
			})),
		};
		return encodeModel(model, place);
	}

	function builderAt(scope: string): GraphBuilder {
		const inScope = (name: string) => (scope ? `${scope}.${name}` : name);
		const builder: GraphBuilder = {
			scope,
			flavour,
			at: (...path) => builderAt(inScope(path.join("."))),
			has: (name) => !weights || weights.tensors.has(inScope(name)),
			weight(name, shape, { stored = false, ...view } = {}) {
				const changes = stored
					? []
					: builder.adapters().filter((change) => change.of === name);
				if (changes.length === 0)
					return addWeight({ name: inScope(name), shape, ...view });
				const wanted = { name, shape, ...view };
				const matrix =
					changed.get(inScope(name)) ?? changedMatrix(builder, wanted, changes);
				changed.set(inScope(name), matrix);
				return adaptedWeight(builder, wanted, matrix);
			},
			adapters: () => weights?.adapters?.get(scope) ?? [],
			root: () => builderAt(""),
			computed,
			integers(values) {
				const name = `integers(${values.join()})`;
				if (!initializers.has(name))
					initializers.set(
						name,
						constantInitializer(name, values.map(BigInt), [values.length]),
					);
				return { name, dims: [values.length] };
			},
			floats(values, dims, type = "compute") {
				const name = `floats_${initializers.size}`;
				initializers.set(name, constantInitializer(name, values, dims));
				const value = { name, dims };
				return type === "compute" ? computed(value) : value;
			},
			input(name, axes, dims, kind = "compute") {
				const type = kind === "int32" ? ONNX_TYPE.int32 : ONNX_TYPE.float32;
				inputs.push({ name, type, axes });
				const value = { name, dims };
				return kind === "compute" ? computed(value) : value;
			},
			output(name, value) {
				outputs.set(
					name,
					flavour.compute === "float32"
						? value
						: cast(value, `${name}:float32`, ONNX_TYPE.float32),
				);
			},
			node: (operator, nodeInputs, options) =>
				addNode(
					`${inScope(operator)}_${nodeCount}`,
					operator,
					nodeInputs,
					options,
				),
			shapeOf(value) {
				const known = shapes.get(value.name);
				if (known) return known;
				const shape = addNode(`${value.name}:shape`, "Shape", [value], {
					dims: [value.dims.length],
				});
				shapes.set(value.name, shape);
				return shape;
			},
			countMultiplyAdds(count) {
				flops += 2 * count;
			},
			finish,
		};
		return builder;
	}
	return builderAt("");
}

const whereItIs: PlaceData = (location, offset) => ({ location, offset });

/**
 * Gives values that are graph outputs the outputs' names, without a copying node where that can be: a value that is an input,
 * or an output twice, gets an Identity.
 */
function renameOutputs(
	nodes: OnnxNode[],
	outputs: ReadonlyMap<string, Value>,
): void {
	// of several outputs the last is the one that is wanted
	const producers = new Map(
		nodes.map((node) => [node.outputs[node.outputs.length - 1], node]),
	);
	const names = new Map<string, string>();
	for (const [output, { name }] of outputs) {
		const producer = producers.get(name);
		if (producer && !names.has(name)) {
			names.set(name, output);
			producer.outputs[producer.outputs.length - 1] = output;
		} else {
			nodes.push({
				name: `${output}:copy`,
				operator: "Identity",
				domain: "",
				inputs: [name],
				outputs: [output],
				attributes: {},
			});
		}
	}
	for (const node of nodes)
		node.inputs = node.inputs.map((name) => names.get(name) ?? name);
}
