/**
 * An abort signal for Ctrl-C and SIGTERM: the first one asks the run to stop before its next network call and keep what
 * is done, the second one ends the process at once.
 */
export function interruptSignal(): AbortSignal {
	const controller = new AbortController();
	const stop = (name: NodeJS.Signals) => {
		if (controller.signal.aborted) endAtOnce(name);
		controller.abort(new DOMException("interrupted", "AbortError"));
	};
	process.on("SIGINT", stop);
	process.on("SIGTERM", stop);
	return controller.signal;
}

/** As if the signal had never been listened to. `process.exit` would wait for the network call that is running. */
function endAtOnce(name: NodeJS.Signals): void {
	process.removeAllListeners(name);
	process.kill(process.pid, name);
}
