/** Milliseconds that a computation keeps the thread at a time. */
const TURN = 15;

/**
 * For long computations on the caller's thread: called often, it lets timers, signals and answers go first once the
 * computation has kept the thread for a while.
 */
export function givingWay(): () => Promise<void> {
	let since = performance.now();
	return async () => {
		if (performance.now() - since < TURN) return;
		await new Promise((resolve) => setTimeout(resolve));
		since = performance.now();
	};
}
