import { formatBytes, formatDuration } from "./formatAmount.js";

/** Where a bar is drawn; a terminal where `isTTY` says so. */
export interface ProgressStream {
	write(text: string): unknown;
	readonly isTTY?: boolean;
	readonly columns?: number;
}

/** What a bar shows. */
export interface ProgressBarOptions {
	readonly label: string;
	/** Steps or bytes at the end; may be 0 as long as it is not known. */
	readonly total: number;
	readonly unit: "it" | "B";
	/** Draws nothing. */
	readonly quiet?: boolean;
	/** Standard error by default. */
	readonly stream?: ProgressStream;
	/** Milliseconds, for tests. */
	readonly now?: () => number;
}

/** A bar that is being drawn. */
export interface ProgressBar {
	/**
	 * @param done steps or bytes so far.
	 * @param note a few words behind the bar.
	 * @param total takes the place of the one given at the start.
	 */
	update(done: number, note?: string, total?: number): void;
	/** Ends the line. Safe to call twice, and without any update. */
	stop(): void;
}

/** Redraws are at least this far apart on a terminal, and lines off it. */
const redrawEvery = 100;
const lineEvery = 2_000;
const barWidth = 24;

/**
 * Progress on standard error: on a terminal a bar with rate and remaining time that is redrawn in place, else a plain line for
 * every tenth (at most one every 2 s, and the last), with `quiet` nothing. Steps are shown with seconds a step or steps a second,
 * bytes with bytes a second; the rate counts from the first update, so that what was there before does not flatter it.
 */
export function progressBar({
	label,
	total: initialTotal,
	unit,
	quiet = false,
	stream = process.stderr,
	now = Date.now,
}: ProgressBarOptions): ProgressBar {
	const terminal = stream.isTTY === true;
	const started = now();
	let total = initialTotal;
	let firstDone: number | undefined;
	let drawnAt = Number.NEGATIVE_INFINITY;
	let tenth = -1;
	let last: { done: number; note: string } | undefined;
	let drawn: typeof last;
	let stopped = false;

	const width = () => Math.max((stream.columns ?? 80) - 1, 20);
	const text = (done: number, note: string): string => {
		const seconds = (now() - started) / 1000;
		const moved = done - (firstDone ?? done);
		const rate = seconds > 0 ? moved / seconds : 0;
		const amount =
			unit === "B"
				? `${formatBytes(done)}${total ? `/${formatBytes(total)}` : ""}`
				: `${done}/${total}`;
		const speed = rate > 0 ? `, ${formatRate(rate, unit)}` : "";
		const left =
			rate > 0 && total > done
				? `<${formatDuration((total - done) / rate)}`
				: "";
		const percent = total
			? `${Math.floor((100 * Math.min(done, total)) / total)}%`
			: "";
		const head = `${label} ${percent.padStart(4)}`;
		const tail = ` ${amount} [${formatDuration(seconds)}${left}${speed}]${note ? ` ${note}` : ""}`;
		if (!terminal || !total) return head + tail;
		const room = width() - head.length - tail.length - 1;
		return room < 4
			? head + tail
			: `${head} ${bar(done / total, Math.min(barWidth, room))}${tail}`;
	};
	const draw = (done: number, note: string) => {
		drawn = last;
		drawnAt = now();
		if (!terminal) {
			stream.write(`${text(done, note)}\n`);
			return;
		}
		stream.write(`\r\u001b[2K${text(done, note).slice(0, width())}`);
	};

	return {
		update(done, note = "", newTotal) {
			if (quiet || stopped) return;
			if (newTotal !== undefined) total = newTotal;
			firstDone ??= unit === "B" ? done : 0;
			last = { done, note };
			const since = now() - drawnAt;
			if (terminal) {
				if (since >= redrawEvery || done === total) draw(done, note);
				return;
			}
			const reached = total ? Math.floor((10 * done) / total) : 0;
			if (reached > tenth && since >= lineEvery) {
				tenth = reached;
				draw(done, note);
			}
		},
		stop() {
			if (quiet || stopped) return;
			stopped = true;
			if (last && last !== drawn) draw(last.done, last.note);
			if (terminal && last) stream.write("\n");
		},
	};
}

/** Filled and empty cells, `width` of them together. */
function bar(fraction: number, width: number): string {
	const filled = Math.round(width * Math.min(1, Math.max(0, fraction)));
	return "█".repeat(filled) + "░".repeat(width - filled);
}

function formatRate(rate: number, unit: "it" | "B"): string {
	if (unit === "B") return `${formatBytes(rate)}/s`;
	return rate >= 1
		? `${rate.toFixed(2)} it/s`
		: `${(1 / rate).toFixed(2)} s/it`;
}
