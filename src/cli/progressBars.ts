import type { Progress } from "../pipeline/progress.js";
import { type ProgressBar, progressBar } from "./progressBar.js";

/** Bars on standard error, one after another: a new one for each stage. */
export function progressBars(quiet: boolean): {
	update(progress: Progress): void;
	stop(): void;
} {
	let bar: ProgressBar | undefined;
	let shown: string | undefined;
	return {
		update({ stage, done, total, unit, note = "" }) {
			if (stage !== shown) {
				bar?.stop();
				shown = stage;
				const counted = unit === "bytes" ? "B" : "it";
				bar = progressBar({ label: stage, total, unit: counted, quiet });
			}
			bar?.update(done, note, total);
		},
		stop: () => bar?.stop(),
	};
}
