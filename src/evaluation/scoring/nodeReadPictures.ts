import type { DatasetProblem } from "../../datasets/captionedImages.js";
import { checkProblems } from "../../datasets/captionedImages.js";
import type { ImageSource } from "../../datasets/nodeImageSource.js";
import { decodePicture } from "../../datasets/nodePicture.js";
import { UserError } from "../../errors/userError.js";
import type { Pixels } from "../../image/resize/pixels.js";

/** A decoded picture and its place in the list that was asked for. */
export interface NamedPicture {
	readonly index: number;
	readonly name: string;
	readonly pixels: Pixels;
}

export interface ReadPicturesOptions {
	/** Pictures at a time. */
	readonly batch: number;
	/** Share of pictures that may be broken. */
	readonly limit: number;
	readonly signal?: AbortSignal;
	/** Applied to every picture. */
	readonly prepare?: (pixels: Pixels) => Pixels;
	/** Called with what could not be read, in the end. */
	readonly onProblems?: (problems: readonly DatasetProblem[]) => void;
}

/**
 * Reads and decodes pictures in batches, in order; broken ones are left out, named and counted.
 * @throws UserError as soon as more than `limit` of them are broken; AbortError when the signal says so.
 */
export async function* readPictures(
	source: ImageSource,
	names: readonly string[],
	options: ReadPicturesOptions,
): AsyncGenerator<NamedPicture[]> {
	const { batch, limit, signal, prepare = (pixels) => pixels } = options;
	const broken: string[] = [];
	const problems = () =>
		broken.length > 0
			? [{ what: "images that are broken", names: broken, serious: true }]
			: [];
	for (let from = 0; from < names.length; from += batch) {
		signal?.throwIfAborted();
		const read = async (name: string, i: number) => {
			try {
				const bytes = await source.read(name);
				const pixels = prepare(await decodePicture(bytes, name));
				return [{ index: from + i, name, pixels }];
			} catch (error) {
				if (!(error instanceof UserError)) throw error;
				broken.push(name);
				return [];
			}
		};
		const pictures = await Promise.all(
			names.slice(from, from + batch).map(read),
		);
		checkProblems(problems(), names.length, source.label, limit);
		yield pictures.flat();
	}
	options.onProblems?.(problems());
}
