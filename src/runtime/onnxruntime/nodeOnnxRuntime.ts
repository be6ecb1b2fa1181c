import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { OptionError } from "../../errors/optionError.js";
import type { Graph } from "../../graph/graph.js";
import { defaultFlavour } from "../../graph/graphFlavour.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Engine } from "../engine.js";
import {
	type Device,
	devices,
	type IntTensor,
	type Precision,
	type Session,
	type SessionOptions,
} from "../session.js";
import { sessionError } from "../sessionError.js";
import { loadRuntime, type OnnxRuntime } from "./nodeLoadRuntime.js";
import { weightAccess } from "./nodeWeightAccess.js";

/** ONNX Runtime, which comes with the package. */
export const onnxRuntime: Engine = {
	name: "onnxruntime",
	async devices() {
		return devicesOf(await loadRuntime());
	},
	precisions: async () => ["float32"],
	// WebGPU has no FusedMatMul: each would be computed on the CPU
	flavour: ({ device = "cpu" } = {}) =>
		device === "webgpu"
			? { ...defaultFlavour, linearWeights: "transposed" }
			: defaultFlavour,
	gainsFromBatches: (device) => device !== "cpu",
	createSession,
};

/**
 * Loads a graph into ONNX Runtime in this process. Loading and running block the event loop while they compute.
 * @throws OptionError when this installation lacks the device. UserError when weights cannot be read, or there is not enough memory.
 */
async function createSession(
	graph: Graph,
	options: SessionOptions = {},
): Promise<Session> {
	const {
		device = "cpu",
		precision = "float32",
		threads,
		optimization = "all",
	} = options;
	checkPrecision(precision);
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
			throw sessionError(cause, `${graph.label}: cannot be loaded`);
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
				throw sessionError(cause, `${graph.label}: cannot run`);
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

function devicesOf(runtime: OnnxRuntime): readonly Device[] {
	const has = runtime.listSupportedBackends().map(({ name }) => name);
	return devices.filter((device) => has.includes(device));
}

/** @throws OptionError with those there are, when `device` is not one of them. */
function checkDevice(runtime: OnnxRuntime, device: Device): void {
	const available = devicesOf(runtime);
	if (!available.includes(device))
		throw new OptionError(
			"device",
			`this installation of ONNX Runtime has no device ${device} on ${process.platform} ${process.arch}; choose one of ${available.join(", ")}`,
		);
}

/** @throws OptionError unless it is float32, the only one that its CPU kernels compute in. */
function checkPrecision(precision: Precision): void {
	if (precision !== "float32")
		throw new OptionError(
			"precision",
			`ONNX Runtime computes in float32 here, not in ${precision}`,
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
