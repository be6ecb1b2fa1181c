import type { Graph } from "../graph/graph.js";
import { onnxRuntime } from "../runtime/onnxruntime/nodeOnnxRuntime.js";
import type { IntTensor, Session, SessionOptions } from "../runtime/session.js";
import type { Tensor } from "../tensor/tensor.js";

/** A network whose session is made when it is first run, and made anew after a release. */
export interface LazySession {
	run(
		inputs: Readonly<Record<string, Tensor | IntTensor>>,
	): Promise<Record<string, Tensor>>;
	release(): Promise<void>;
}

/**
 * @param build makes the graph; called once for each loading
 * @param onLoaded is told how many seconds each loading took
 */
export function lazySession(
	build: () => Graph,
	options: () => SessionOptions,
	onLoaded: (seconds: number) => void,
): LazySession {
	async function load(): Promise<Session> {
		const started = performance.now();
		const loaded = await onnxRuntime.createSession(build(), options());
		onLoaded((performance.now() - started) / 1000);
		return loaded;
	}

	let session: Promise<Session> | undefined;
	return {
		async run(inputs) {
			session ??= load();
			return (await session).run(inputs);
		},
		async release() {
			const loaded = session;
			session = undefined;
			// a session that could not be made has nothing to free: its error went to whoever ran it
			await (await loaded?.catch(() => undefined))?.release();
		},
	};
}
