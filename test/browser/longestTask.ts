/** What of a Chromium trace is looked at. */
interface TraceEvent {
	readonly name: string;
	readonly pid: number;
	readonly tid: number;
	/** Microseconds of the processor. */
	readonly tdur?: number;
	readonly args?: { readonly data?: { readonly url?: string } };
}

/** Categories to trace for it. */
export const TASKS = ["toplevel", "devtools.timeline"];

/**
 * The longest task of the main thread of a page, in milliseconds of the processor: what other programs take of a busy machine is not counted, as the
 * browser's own account of long tasks does.
 * @param url what the page's address begins with
 */
export function longestTask(trace: Buffer, url: string): number {
	const { traceEvents } = JSON.parse(trace.toString()) as {
		traceEvents: TraceEvent[];
	};
	const threads = new Set(
		traceEvents.flatMap(({ name, pid, tid, args }) =>
			name === "CommitLoad" && args?.data?.url?.startsWith(url)
				? [`${pid} ${tid}`]
				: [],
		),
	);
	const tasks = traceEvents.filter(
		({ name, pid, tid }) =>
			/RunTask/.test(name) && threads.has(`${pid} ${tid}`),
	);
	if (tasks.length === 0) throw new Error(`no task of ${url} was traced`);
	return Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000;
}
