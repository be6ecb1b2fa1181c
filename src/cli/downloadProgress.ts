import type { DownloadProgress } from "../weights/folder/modelFiles.js";
import {
	type ProgressBar,
	type ProgressStream,
	progressBar,
} from "./progressBar.js";

/** A bar over all the files of a download; it appears with the first byte. */
export function downloadProgress(
	label: string,
	quiet: boolean,
	stream?: ProgressStream,
): { update(progress: DownloadProgress): void; stop(): void } {
	let bar: ProgressBar | undefined;
	return {
		update({ file, received, total }) {
			bar ??= progressBar({
				label,
				total,
				unit: "B",
				quiet,
				...(stream ? { stream } : {}),
			});
			bar.update(received, file, total);
		},
		stop() {
			bar?.stop();
		},
	};
}
