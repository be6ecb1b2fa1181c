import { sum } from "../../tensor/sum.js";
import type { DownloadProgress } from "./modelFiles.js";

/**
 * Tells how far a download of several files is, as the bytes of each come.
 * @param have bytes of each that are there, kept up to date
 * @param total bytes of all whose size is known
 */
export function progressOfFiles(
	files: readonly { readonly path: string; readonly size?: number }[],
	have: number[],
	total: number,
	onProgress?: (progress: DownloadProgress) => void,
): (index: number, bytes: number) => void {
	return (index, bytes) => {
		have[index] = bytes;
		const all = sum(have);
		onProgress?.({
			file: files[index].path,
			fileReceived: bytes,
			fileTotal: files[index].size ?? bytes,
			received: all,
			total: Math.max(total, all),
		});
	};
}
