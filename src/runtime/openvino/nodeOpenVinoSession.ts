import { UserError } from "../../errors/userError.js";
import type { Graph } from "../../graph/graph.js";
import { givingWay } from "../../tensor/giveWay.js";
import { slowCopy } from "../../tensor/slowCopy.js";
import { elementCount, type Tensor } from "../../tensor/tensor.js";
import type { IntTensor, Precision, Session } from "../session.js";
import { sessionError } from "../sessionError.js";
import type { Memory, OpenVinoLibrary, Pointer } from "./nodeLibrary.js";
import { modelReader } from "./nodeReadModel.js";

/** Element types, as ov_common.h numbers them. */
const elementTypes = { float32: 4, int32: 9, int64: 10 };

const precisionHints: Readonly<Record<Precision, string>> = {
	float32: "f32",
	bfloat16: "bf16",
	float16: "f16",
};

/** What a session is made with. */
export interface OpenVinoOptions {
	/** As OpenVINO calls it: "CPU", "GPU.0". */
	readonly device: string;
	readonly precision: Precision;
	readonly threads?: number;
}

type Inputs = Readonly<Record<string, Tensor | IntTensor>>;
type Sizes = Readonly<Record<string, Pick<Tensor, "dims">>>;

/** A network compiled for inputs of some sizes. */
interface Compiled {
	readonly model: Pointer;
	readonly request: Pointer;
}

/** Networks of fixed sizes run faster; after so many sizes one for all of them is compiled. */
const SIZES_BEFORE_OPEN = 12;
/** Compiled networks that are kept have at most so many bytes of weights together (but one is always kept), and are so many. */
const KEPT_BYTES = 2 ** 30;
const KEPT_SIZES = 4;

/**
 * A network in OpenVINO. It is compiled when it first meets inputs of some sizes.
 * @throws UserError when weights cannot be read; Error with OpenVINO's message when the graph cannot be.
 */
export async function openVinoSession(
	library: OpenVinoLibrary,
	core: Pointer,
	graph: Graph,
	options: OpenVinoOptions,
): Promise<Session> {
	const reader = await modelReader(library, core, graph);
	const kept = Math.max(
		1,
		Math.min(KEPT_SIZES, Math.floor(KEPT_BYTES / Math.max(1, reader.bytes))),
	);
	const compiled = new Map<string, Compiled>();
	let compilations = 0;
	let released = false;
	let last: Promise<unknown> = Promise.resolve();
	/** One after another: a request serves one run at a time. */
	const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
		const result = last.then(work);
		last = result.catch(() => undefined);
		return result;
	};

	// what cannot be read is known now, and not when it first runs
	let unused: Pointer | undefined = await reader.read().catch((cause) => {
		reader.release();
		throw cause;
	});
	const nextModel = async () => {
		const model = unused ?? (await reader.read());
		unused = undefined;
		return model;
	};

	async function networkFor(inputs: Sizes): Promise<Compiled> {
		const open = compilations >= SIZES_BEFORE_OPEN;
		const key = open
			? "open"
			: graph.inputs.map((name) => inputs[name].dims.join("x")).join(" ");
		const known = compiled.get(key);
		compiled.delete(key);
		const network = known ?? (await compile(open ? undefined : inputs));
		compiled.set(key, network);
		return network;
	}

	/** OpenVINO's CPU plugin fails to lay out some networks for fixed sizes (maps of one pixel), and compiles them for open ones. */
	async function compile(inputs: Sizes | undefined): Promise<Compiled> {
		compilations++;
		try {
			return await compileFor(inputs);
		} catch (cause) {
			if (!inputs) throw cause;
			return await compileFor(undefined).catch(() => {
				throw cause;
			});
		}
	}

	async function compileFor(inputs: Sizes | undefined): Promise<Compiled> {
		for (const [key, network] of compiled) {
			if (compiled.size < kept) break;
			compiled.delete(key);
			free(network);
		}
		const read = await nextModel();
		let made: Pointer | undefined;
		try {
			if (inputs) await reshape(library, read, graph.inputs, inputs);
			made = await compileModel(library, core, read, options);
			const request = library.made(
				"ov_compiled_model_create_infer_request",
				made,
			);
			return { model: made, request };
		} catch (cause) {
			if (made !== undefined) library.free("ov_compiled_model_free", made);
			throw sessionError(cause, `${graph.label}: cannot be loaded`);
		} finally {
			library.free("ov_model_free", read);
		}
	}

	function free({ model, request }: Compiled): void {
		library.free("ov_infer_request_free", request);
		library.free("ov_compiled_model_free", model);
	}

	/** @throws UserError after a release; RangeError when an input is missing. */
	function check(inputs: Sizes): void {
		if (released)
			throw new UserError(`${graph.label} was released and cannot run`, {
				code: "disposed",
			});
		for (const name of graph.inputs)
			if (!inputs[name])
				throw new RangeError(`${graph.label}: input ${name} is missing`);
	}

	return {
		inputs: graph.inputs,
		outputs: graph.outputs,
		async prepare(inputs) {
			check(inputs);
			await inTurn(() => networkFor(inputs));
		},
		async run(inputs) {
			check(inputs);
			return inTurn(async () => {
				const { request } = await networkFor(inputs);
				return infer(library, request, graph, inputs).catch(
					(cause: unknown) => {
						throw sessionError(cause, `${graph.label}: cannot run`);
					},
				);
			});
		},
		async release() {
			if (released) return;
			released = true;
			await inTurn(async () => {
				for (const network of compiled.values()) free(network);
				compiled.clear();
				if (unused !== undefined) library.free("ov_model_free", unused);
				unused = undefined;
				reader.release();
			});
		},
	};
}

/** Fixes the dims of a model's inputs. */
async function reshape(
	library: OpenVinoLibrary,
	model: Pointer,
	names: readonly string[],
	inputs: Sizes,
): Promise<void> {
	const { pointers, kept } = cStrings(library, names);
	const dims = names.map((name) => {
		// each dimension is a range, from and to
		const ranges = inputs[name].dims.flatMap((dim) => [dim, dim]);
		return BigInt64Array.from(ranges, BigInt);
	});
	// ov_partial_shape_t: the rank as a range, and the address of the dimensions
	const shapes = BigInt64Array.from(
		dims.flatMap((ranges) => {
			const rank = BigInt(ranges.length / 2);
			return [rank, rank, library.address(ranges)];
		}),
	);
	await library.callAsync(
		"ov_model_reshape",
		model,
		pointers,
		shapes,
		names.length,
	);
	keepAlive(kept, dims);
}

async function compileModel(
	library: OpenVinoLibrary,
	core: Pointer,
	model: Pointer,
	{ device, precision, threads }: OpenVinoOptions,
): Promise<Pointer> {
	const properties = {
		PERFORMANCE_HINT: "LATENCY",
		NUM_STREAMS: "1",
		INFERENCE_PRECISION_HINT: precisionHints[precision],
		...(threads === undefined
			? {}
			: { INFERENCE_NUM_THREADS: String(threads) }),
	};
	const { pointers, kept } = cStrings(
		library,
		Object.entries(properties).flat(),
	);
	const made = await library.madeAsync(
		"ov_core_compile_model_props",
		core,
		model,
		device,
		Object.keys(properties).length,
		pointers,
	);
	keepAlive(kept);
	return made;
}

/** One run: inputs are read where they lie, outputs are copied. */
async function infer(
	library: OpenVinoLibrary,
	request: Pointer,
	{ inputs: inputNames, outputs: outputNames }: Graph,
	inputs: Inputs,
): Promise<Record<string, Tensor>> {
	for (const name of inputNames) {
		const { dims, data } = inputs[name];
		const tensor = hostTensor(library, dims, data);
		try {
			library.call("ov_infer_request_set_tensor", request, name, tensor);
		} finally {
			// the request holds on to what it was given
			library.free("ov_tensor_free", tensor);
		}
	}
	await library.callAsync("ov_infer_request_infer", request);
	keepAlive(inputs);
	const giveWay = givingWay();
	const outputs: Record<string, Tensor> = {};
	for (const name of outputNames) {
		const tensor = library.made("ov_infer_request_get_tensor", request, name);
		try {
			outputs[name] = await copied(library, tensor, giveWay);
		} finally {
			library.free("ov_tensor_free", tensor);
		}
	}
	return outputs;
}

function hostTensor(
	library: OpenVinoLibrary,
	dims: readonly number[],
	data: Tensor["data"] | IntTensor["data"],
): Pointer {
	const type =
		data instanceof Float32Array
			? elementTypes.float32
			: data instanceof Int32Array
				? elementTypes.int32
				: elementTypes.int64;
	const sizes = BigInt64Array.from(dims, BigInt);
	const shape = { rank: BigInt(dims.length), dims: library.address(sizes) };
	const tensor = library.made(
		"ov_tensor_create_from_host_ptr",
		type,
		shape,
		library.address(data as Memory),
	);
	keepAlive(sizes);
	return tensor;
}

async function copied(
	library: OpenVinoLibrary,
	tensor: Pointer,
	giveWay: () => Promise<void>,
): Promise<Tensor> {
	const shape = new BigInt64Array(2);
	library.call("ov_tensor_get_shape", tensor, shape);
	const dims = library.integers(shape[1], Number(shape[0]));
	library.free("ov_shape_free", shape);
	const at = library.made("ov_tensor_data", tensor);
	const values = new Float32Array(library.view(at, 4 * elementCount(dims)));
	return { dims, data: await slowCopy(values, giveWay) };
}

/** Texts as C has them, and the array of their addresses. */
function cStrings(
	library: OpenVinoLibrary,
	texts: readonly string[],
): { pointers: BigInt64Array; kept: readonly Uint8Array[] } {
	const kept = texts.map((text) => Buffer.from(`${text}\0`));
	return {
		pointers: BigInt64Array.from(kept.map(library.address)),
		kept,
	};
}

let alive: unknown;

/** What native code has read by address must be referenced until here. */
function keepAlive(...memory: readonly unknown[]): void {
	alive = memory;
	alive = undefined;
	void alive;
}
