import type { ImageFormat } from "../../image/encodedImage.js";
import { encodeImage } from "../../image/nodeEncodeImage.js";
import { HttpError } from "../httpError.js";
import type { FinishedImage, Job } from "../job.js";

/** The file of a finished image; what is too long for a JPEG's settings is left out of it. */
export function encodeFinished(
	{ image, parameters }: FinishedImage,
	format: ImageFormat,
	quality?: number,
): Promise<Uint8Array> {
	const fits = format !== "jpeg" || parameters.length < 30_000;
	return encodeImage(image, format, {
		quality,
		parameters: fits ? parameters : undefined,
	});
}

/** @throws HttpError where the job has failed or was cancelled */
export function throwIfFailed({ state, error }: Job): void {
	if (error) throw new HttpError(error.status, error.code, error.message);
	if (state === "cancelled")
		throw new HttpError(409, "cancelled", "the job was cancelled");
}
