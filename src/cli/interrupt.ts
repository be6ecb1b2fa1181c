/**
 * An abort signal for Ctrl-C and SIGTERM: the first one asks the run to stop before its next network call and keep what
 * is done, the second one ends the process at once.
 */
export function interruptSignal(): AbortSignal {
	const controller = new AbortController();
	const stop = () => {
		if (controller.signal.aborted) process.exit(130);
		controller.abort(new DOMException("interrupted", "AbortError"));
	};
	process.on("SIGINT", stop);
	process.on("SIGTERM", stop);
	return controller.signal;
}
