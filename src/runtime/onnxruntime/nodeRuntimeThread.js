// @ts-check
// The thread in which ONNX Runtime works, since its calls block the thread that makes them. In JavaScript, so that it also runs where the
// sources do, unbuilt. It is the only place that loads the library; whoever starts it has turned the library's telemetry off.
import { parentPort, workerData } from "node:worker_threads";

/** @typedef {import("./threadMessages.js").ThreadRequest} ThreadRequest */
/** @typedef {import("./threadMessages.js").ThreadCalls} ThreadCalls */
/** @typedef {import("./threadMessages.js").SentTensor} SentTensor */
/** @typedef {typeof import("onnxruntime-node")} OnnxRuntime */

/** @type {{ state: SharedArrayBuffer, idle: number, busy: number }} */
const { state, idle, busy } = workerData;
const word = new Int32Array(state);
/** @type {Map<number, import("onnxruntime-node").InferenceSession>} */
const sessions = new Map();
/** @type {OnnxRuntime | undefined} */
let runtime;

/**
 * One native call. Once the process has begun to end none starts.
 * @template T
 * @param {() => Promise<T>} call
 * @returns {Promise<T>}
 */
async function guarded(call) {
	if (Atomics.compareExchange(word, 0, idle, busy) !== idle)
		return new Promise(() => undefined);
	try {
		return await call();
	} finally {
		Atomics.store(word, 0, idle);
		Atomics.notify(word, 0);
	}
}

/** @param {ThreadCalls["create"]["ask"]} ask */
async function createSession(ask) {
	const { InferenceSession } = /** @type {OnnxRuntime} */ (runtime);
	const { session, model, folder, bytes, device, threads, optimization } = ask;
	const created = await InferenceSession.create(model, {
		executionProviders: device === "cpu" ? ["cpu"] : [device, "cpu"],
		graphOptimizationLevel: optimization,
		...(threads === undefined ? {} : { intraOpNumThreads: threads }),
		logSeverityLevel: 3,
		...(bytes ? { externalData: bytes } : {}),
		extra: {
			session: {
				// a network's threads that spin after its run take the cores from the next network's: a key step, whose halves are two networks,
				// took twice as long
				intra_op: { allow_spinning: "0" },
				...(folder && { model_external_initializers_file_folder_path: folder }),
			},
		},
	});
	sessions.set(session, created);
	return undefined;
}

/** @param {ThreadCalls["run"]["ask"]} ask */
async function run({ session, inputs, outputs }) {
	const { Tensor } = /** @type {OnnxRuntime} */ (runtime);
	/** @type {Record<string, import("onnxruntime-node").Tensor>} */
	const feeds = {};
	for (const [name, { data, dims }] of Object.entries(inputs))
		feeds[name] =
			data instanceof Float32Array
				? new Tensor("float32", data, dims)
				: data instanceof Int32Array
					? new Tensor("int32", data, dims)
					: new Tensor("int64", data, dims);
	const results = await sessions.get(session)?.run(feeds);
	/** @type {Record<string, SentTensor>} */
	const sent = {};
	for (const name of outputs) {
		const result = results?.[name];
		if (!(result?.data instanceof Float32Array))
			throw new TypeError(`output ${name} is not float32`);
		sent[name] = { dims: result.dims, data: result.data };
	}
	return sent;
}

/** @param {ThreadRequest} request */
async function answerTo(request) {
	if (request.call === "devices")
		return /** @type {OnnxRuntime} */ (runtime)
			.listSupportedBackends()
			.map(({ name }) => name);
	if (request.call === "create") return createSession(request.ask);
	if (request.call === "run") return run(request.ask);
	const released = sessions.get(request.ask.session);
	sessions.delete(request.ask.session);
	await released?.release();
	return undefined;
}

/** @param {ThreadRequest} request */
async function serve(request) {
	const { id, call } = request;
	try {
		const answer = await guarded(async () => {
			if (!runtime) {
				runtime = await import("onnxruntime-node");
				// what fails is thrown, too, and told by us
				runtime.env.logLevel = "fatal";
			}
			return answerTo(request);
		});
		/** @type {ArrayBuffer[]} */
		const moved =
			call === "run"
				? Object.values(/** @type {Record<string, SentTensor>} */ (answer)).map(
						({ data }) => /** @type {ArrayBuffer} */ (data.buffer),
					)
				: [];
		parentPort?.postMessage({ id, answer }, moved);
	} catch (cause) {
		parentPort?.postMessage({
			id,
			error: cause instanceof Error ? cause.message : String(cause),
			unloadable: runtime === undefined,
		});
	}
}

// one at a time: every call uses all threads that it may
let last = Promise.resolve();
parentPort?.on("message", (request) => {
	last = last.then(() => serve(request));
});
