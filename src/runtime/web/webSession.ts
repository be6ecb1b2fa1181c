import type { InferenceSession, Tensor as WebTensor } from "onnxruntime-web";
import { UserError } from "../../errors/userError.js";
import type { Graph } from "../../graph/graph.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { WeightFile } from "../../weights/formats/weights.js";
import type { IntTensor, Session, SessionOptions } from "../session.js";
import { sessionError } from "../sessionError.js";
import type { WebRuntime } from "./webRuntime.js";

/**
 * Loads a graph with onnxruntime-web. Weights are read whole while it loads, and kept by the library only.
 * @param provider what computes: the library's WebAssembly, or a graphics device
 * @throws UserError when weights cannot be read or there is not enough memory.
 */
export async function webSession(
	runtime: WebRuntime,
	provider: "wasm" | GPUDevice,
	graph: Graph,
	{ optimization = "all" }: SessionOptions,
): Promise<Session> {
	const { library, alone } = runtime;
	const failed = (what: string) => (cause: unknown) => {
		throw cause instanceof UserError
			? cause
			: sessionError(cause, `${graph.label}: ${what}`, "wasm");
	};
	const session = await alone(async () =>
		library.InferenceSession.create(graph.model(), {
			executionProviders:
				provider === "wasm" ? ["wasm"] : [{ name: "webgpu", device: provider }],
			graphOptimizationLevel: optimization,
			logSeverityLevel: 3,
			externalData: await Promise.all(
				[...graph.files].map(async ([path, file]) => ({
					path,
					data: await wholeFile(graph, file),
				})),
			),
		} as InferenceSession.SessionOptions),
	).catch(failed("cannot be loaded"));
	let released = false;
	return {
		inputs: graph.inputs,
		outputs: graph.outputs,
		run: async (inputs) => {
			for (const name of graph.inputs)
				if (!inputs[name])
					throw new RangeError(`${graph.label}: input ${name} is missing`);
			return alone(async () => {
				if (released)
					throw new UserError(`${graph.label} was released and cannot run`, {
						code: "disposed",
					});
				const feeds: Record<string, WebTensor> = {};
				for (const name of graph.inputs)
					feeds[name] = toLibrary(runtime, inputs[name]);
				const results = await session.run(feeds);
				const outputs: Record<string, Tensor> = {};
				for (const name of graph.outputs) {
					const { dims, data } = results[name];
					outputs[name] = { dims, data: data as Float32Array };
				}
				return outputs;
			}).catch(failed("cannot run"));
		},
		release: () =>
			alone(async () => {
				if (released) return;
				released = true;
				await session.release();
			}),
	};
}

async function wholeFile(graph: Graph, file: WeightFile): Promise<Uint8Array> {
	if ("bytes" in file) return file.bytes;
	if ("blob" in file)
		try {
			return new Uint8Array(await file.blob.arrayBuffer());
		} catch (cause) {
			throw new UserError(
				`${graph.label}: its weights cannot be read (${(cause as Error).message}); if the file was moved or changed, pick it again`,
				{ code: "invalid_input", cause },
			);
		}
	throw new UserError(
		`${graph.label}: ${file.path} is on disk, which a browser cannot read`,
		{ code: "unsupported" },
	);
}

function toLibrary(
	{ library: { Tensor } }: WebRuntime,
	{ data, dims }: Tensor | IntTensor,
): WebTensor {
	if (data instanceof Float32Array) return new Tensor("float32", data, dims);
	return data instanceof Int32Array
		? new Tensor("int32", data, dims)
		: new Tensor("int64", data, dims);
}
