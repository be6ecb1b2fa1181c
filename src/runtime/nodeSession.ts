import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { UserError } from "../errors/userError.js";
import type { Graph } from "../graph/graph.js";
import type { Tensor } from "../tensor/tensor.js";
import { weightAccess } from "./nodeWeightFiles.js";
import type { Device, IntTensor, Session, SessionOptions } from "./session.js";

type OnnxRuntime = typeof import("onnxruntime-node");

/**
 * Loads a graph into ONNX Runtime in this process. Loading and running block the event loop while they compute.
 * @throws UserError when this installation lacks the device, weights cannot be read, or there is not enough memory.
 */
export async function createSession(
	graph: Graph,
	options: SessionOptions = {},
): Promise<Session> {
	const { device = "cpu", threads, optimization = "all" } = options;
	const runtime = await loadRuntime();
	checkDevice(runtime, device);
	const { model, folder, bytes } = await weightAccess(graph);
	const create = () =>
		runtime.InferenceSession.create(model, {
			executionProviders: device === "cpu" ? ["cpu"] : [device, "cpu"],
			graphOptimizationLevel: optimization,
			...(threads === undefined ? {} : { intraOpNumThreads: threads }),
			logSeverityLevel: 3,
			...(bytes ? { externalData: bytes } : {}),
			...(folder
				? {
						extra: {
							session: {
								model_external_initializers_file_folder_path: folder,
							},
						},
					}
				: {}),
		});
	let session: InferenceSession | undefined = await create().catch(
		(cause: unknown) => {
			throw actionable(cause, `${graph.label}: cannot be loaded`);
		},
	);

	return {
		inputs: graph.inputs,
		outputs: graph.outputs,
		async run(inputs) {
			if (!session)
				throw new Error(`${graph.label} was released and cannot run`);
			const feeds: Record<string, OrtTensor> = {};
			for (const name of graph.inputs) {
				const value = inputs[name];
				if (!value)
					throw new RangeError(`${graph.label}: input ${name} is missing`);
				feeds[name] = toRuntime(runtime, value);
			}
			const results = await session.run(feeds).catch((cause: unknown) => {
				throw actionable(cause, `${graph.label}: cannot run`);
			});
			const outputs: Record<string, Tensor> = {};
			for (const name of graph.outputs)
				outputs[name] = fromRuntime(name, results[name]);
			return outputs;
		},
		async release() {
			const released = session;
			session = undefined;
			await released?.release();
		},
	};
}

/** Its native library is large: nothing loads it before the first session. */
async function loadRuntime(): Promise<OnnxRuntime> {
	try {
		return await import("onnxruntime-node");
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new UserError(
			`ONNX Runtime cannot be loaded on ${process.platform} ${process.arch} (${firstLine(reason)}); install the package again with "npm ci"`,
			{ cause },
		);
	}
}

/** @throws UserError with the devices there are, when `device` is not one of them. */
function checkDevice(runtime: OnnxRuntime, device: Device): void {
	const available = runtime.listSupportedBackends().map(({ name }) => name);
	if (!available.includes(device))
		throw new UserError(
			`--device ${device}: this installation of ONNX Runtime has no such device on ${process.platform} ${process.arch}; choose one of ${available.join(", ")}`,
			{ code: "usage" },
		);
}

function toRuntime(
	runtime: OnnxRuntime,
	{ data, dims }: Tensor | IntTensor,
): OrtTensor {
	if (data instanceof Float32Array)
		return new runtime.Tensor("float32", data, dims);
	return data instanceof Int32Array
		? new runtime.Tensor("int32", data, dims)
		: new runtime.Tensor("int64", data, dims);
}

function fromRuntime(name: string, { data, dims }: OrtTensor): Tensor {
	if (!(data instanceof Float32Array))
		throw new TypeError(`output ${name} is not float32`);
	return { dims, data };
}

/** ONNX Runtime's error as one line; what the user can do something about as a UserError. */
function actionable(cause: unknown, what: string): Error {
	const reason = firstLine(
		cause instanceof Error ? cause.message : String(cause),
	);
	if (/bad_alloc|out of memory|failed to allocate|bad allocation/i.test(reason))
		return new UserError(
			`${what}: not enough memory; use a smaller --width and --height or --max-decode-batch 1, or close other programs (${reason})`,
			{ cause },
		);
	if (/execution provider|CUDA|cuDNN|DirectML|WebGPU/i.test(reason))
		return new UserError(
			`${what}: the device failed; try --device cpu (${reason})`,
			{ cause },
		);
	return new Error(`${what}: ${reason}`, { cause });
}

function firstLine(text: string): string {
	return text.split("\n", 1)[0].trim();
}
