/** Calls `work` once nobody has asked for it for `milliseconds`. */
export function debounced(work: () => unknown, milliseconds: number) {
	let timer: ReturnType<typeof setTimeout> | undefined;
	return {
		ask() {
			clearTimeout(timer);
			timer = setTimeout(work, milliseconds);
		},
		cancel() {
			clearTimeout(timer);
		},
	};
}
