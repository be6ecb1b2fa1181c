import { UserError } from "../../errors/userError.js";
import { foreignFile, headLength } from "../../files/foreignFile.js";
import { freeKeys } from "./freeKeys.js";
import { openNodeFile } from "./nodeModelFolder.js";
import { readTorchArchive } from "./nodeTorchArchive.js";
import { safetensorsWeights } from "./safetensorsWeights.js";
import type { TensorEntry, WeightFile, Weights } from "./weights.js";

/**
 * The tensors of one file of weights, safetensors or torch.save's (by its content, whatever its name), under the names
 * they have there. Their data is not read.
 * @throws UserError when it is neither, or malformed.
 */
export async function openWeightsFile(
	path: string,
): Promise<Weights & { readonly metadata?: ReadonlyMap<string, string> }> {
	const file = await openNodeFile(path);
	const start = await file.read(0, headLength);
	// Safetensors: eight bytes of a length, then a JSON object.
	if (start[8] !== 0x7b) {
		const foreign = foreignFile(start);
		if (foreign && !/pickle/.test(foreign))
			throw new UserError(`${path} holds no weights: it is ${foreign}`, {
				code: "invalid_input",
			});
		return readTorchArchive(file);
	}
	return safetensorsWeights(file, path);
}

/**
 * Weights of several files as those of one network; where two have a tensor of the same name, the later one counts.
 */
export function joinWeights(parts: readonly Weights[]): Weights {
	const files = new Map<string, WeightFile>();
	const tensors = new Map<string, TensorEntry>();
	for (const [i, part] of parts.entries()) {
		// Two folders may hold files of the same name.
		const names = freeKeys(part.files.keys(), files, i);
		for (const [key, file] of part.files)
			files.set(names.get(key) ?? key, file);
		for (const [name, entry] of part.tensors)
			tensors.set(name, {
				...entry,
				file: names.get(entry.file) ?? entry.file,
			});
	}
	return { label: parts.map(({ label }) => label).join(" + "), files, tensors };
}
