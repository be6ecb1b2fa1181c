import { writeImage } from "../image/nodeImageFile.js";
import { placeImage } from "../image/placeImage.js";
import type { RgbImage } from "../image/rgbImage.js";

/** A file that shows what a run is at. */
export interface PreviewFile {
	/** Writes a picture at a size while the run goes on; only the last of those that come while one is being written. */
	show(picture: RgbImage, size?: Size): void;
	/** Waits until the last picture that was shown is written. @param warn told what went wrong on the way */
	finish(warn: (message: string) => void): Promise<void>;
}

interface Size {
	readonly width: number;
	readonly height: number;
}

export function previewFile(path: string): PreviewFile {
	let writing: Promise<void> | undefined;
	let next: (() => Promise<void>) | undefined;
	let fault: Error | undefined;

	async function writeAll(): Promise<void> {
		while (next && !fault) {
			const write = next;
			next = undefined;
			await write();
		}
	}
	return {
		show(picture, { width, height } = picture) {
			next = async () => {
				try {
					const pixels = { ...picture, channels: 3 };
					await writeImage(path, placeImage(pixels, width, height, "stretch"));
				} catch (error) {
					fault = error as Error;
				}
			};
			writing ??= writeAll().finally(() => {
				writing = undefined;
			});
		},
		async finish(warn) {
			await writing;
			if (fault) warn(`no more previews: ${fault.message}`);
		},
	};
}
