import { setTimeout as delay } from "node:timers/promises";
import { isMainThread } from "node:worker_threads";
import { UserError } from "../../errors/userError.js";

/** ONNX Runtime looks for it when it is loaded: without it, it writes files into the user's folders and contacts a host. */
const VARIABLE = "ORT_DISABLE_TELEMETRY";
const PATIENCE = 10_000;

let silenced: Promise<void> | undefined;

/**
 * Sees to it that ONNX Runtime will keep still; to be called, and in a worker thread awaited, before it is loaded.
 *
 * The library reads the environment of the process. In a worker thread `process.env` is a copy of it, so there the main thread
 * is asked to set the variable, by the inspector: nothing listens on a port for that.
 * @returns undefined in the main thread, where it is done
 * @throws UserError when the main thread does not answer
 */
export function silence(): Promise<void> | undefined {
	if (!isMainThread) {
		silenced ??= silencedByMainThread();
		return silenced;
	}
	process.env[VARIABLE] = "1";
	return undefined;
}

async function silencedByMainThread(): Promise<void> {
	const { Session } = await import("node:inspector/promises");
	const session = new Session();
	const given = new AbortController();
	try {
		session.connectToMainThread();
		const answer = await Promise.race([
			session.post("Runtime.evaluate", {
				expression: `process.env.${VARIABLE} = "1"`,
				returnByValue: true,
			}),
			delay(PATIENCE, undefined, { signal: given.signal }),
		]);
		if (answer?.result.value !== "1") throw new Error("no answer");
	} catch (cause) {
		// the copy has it where the process began with it
		if (process.env[VARIABLE]) return;
		// asked again with the next call
		silenced = undefined;
		throw new UserError(
			`ONNX Runtime sends telemetry unless ${VARIABLE} is set in the process' environment, which a worker thread cannot do where the main thread does not answer: start the program with ${VARIABLE}=1, or load the model in the main thread first`,
			{ code: "unsupported", cause },
		);
	} finally {
		given.abort();
		session.disconnect();
	}
}
