import { Worker } from "node:worker_threads";
import { UserError } from "../../errors/userError.js";
import { firstLine } from "../sessionError.js";
import { silence } from "./nodeSilence.js";
import {
	type ThreadCall,
	type ThreadCalls,
	type ThreadReply,
	threadStates,
} from "./threadMessages.js";

interface Waiting {
	readonly resolve: (answer: never) => void;
	readonly reject: (error: Error) => void;
}

interface Thread {
	readonly worker: Worker;
	readonly waiting: Map<number, Waiting>;
}

let thread: Thread | undefined;
let calls = 0;

/**
 * Has ONNX Runtime do something in its thread, which is started for the first call and serves all sessions of the process. An idle thread
 * does not keep the process alive.
 * @param moved memory that the thread gets to keep
 * @throws UserError when the library cannot be loaded; Error with the library's message when the call fails.
 */
export async function callRuntime<K extends ThreadCall>(
	call: K,
	ask: ThreadCalls[K]["ask"],
	moved: readonly ArrayBuffer[] = [],
): Promise<ThreadCalls[K]["answer"]> {
	const silenced = silence();
	if (silenced) await silenced;
	thread ??= startThread();
	const { worker, waiting } = thread;
	const id = calls++;
	return new Promise((resolve, reject) => {
		waiting.set(id, { resolve, reject });
		worker.ref();
		worker.postMessage({ id, call, ask }, [...moved]);
	});
}

function startThread(): Thread {
	const state = new SharedArrayBuffer(4);
	const worker = new Worker(
		new URL("./nodeRuntimeThread.js", import.meta.url),
		{ workerData: { state, ...threadStates }, execArgv: [] },
	);
	worker.unref();
	const waiting = new Map<number, Waiting>();

	worker.on("message", (reply: ThreadReply) => {
		const asked = waiting.get(reply.id);
		waiting.delete(reply.id);
		if (waiting.size === 0) worker.unref();
		if (!("error" in reply)) asked?.resolve(reply.answer as never);
		else
			asked?.reject(
				reply.unloadable ? unloadable(reply.error) : new Error(reply.error),
			);
	});
	const lost = (cause: unknown) => {
		if (thread?.worker === worker) thread = undefined;
		process.off("exit", stop);
		for (const { reject } of waiting.values())
			reject(new Error("ONNX Runtime's thread ended", { cause }));
		waiting.clear();
	};
	worker.on("error", lost);
	worker.on("exit", lost);

	// a thread that is ended during a native call aborts the whole process: the end of the process waits for the call
	const stop = () => {
		const word = new Int32Array(state);
		const { idle, busy, stopped } = threadStates;
		while (Atomics.compareExchange(word, 0, idle, stopped) === busy)
			Atomics.wait(word, 0, busy);
	};
	process.on("exit", stop);
	return { worker, waiting };
}

function unloadable(reason: string): UserError {
	return new UserError(
		`ONNX Runtime cannot be loaded on ${process.platform} ${process.arch} (${firstLine(reason)}); install the package again with "npm ci"`,
		{ code: "not_installed" },
	);
}
