import { type ReadableFile, readSafetensorsHeader } from "./weightFile.js";
import type { Weights } from "./weights.js";

/** Weights of one file, with the `__metadata__` of its header. */
export type FileWeights = Weights & {
	readonly metadata: ReadonlyMap<string, string>;
};

/**
 * The tensors of a safetensors file under the names they have there. Their data is not read.
 * @throws UserError when it is none, or malformed.
 */
export async function safetensorsWeights(
	file: ReadableFile,
	label = file.label,
): Promise<FileWeights> {
	const { entries, metadata } = await readSafetensorsHeader(file);
	return {
		label,
		files: new Map([[file.key, file.file]]),
		tensors: new Map(
			[...entries].map(([name, entry]) => [name, { ...entry, file: file.key }]),
		),
		metadata,
	};
}
