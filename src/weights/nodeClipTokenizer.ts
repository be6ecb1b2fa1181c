import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import {
	parseMerges,
	vocabularyFromMerges,
} from "../tokenizer/clipVocabulary.js";
import { type ModelFolder, modelFolderOf } from "./formats/modelFolder.js";
import { embeddedModelsFolder } from "./nodeEmbeddedModels.js";

/**
 * CLIP's own tokenizer, which comes with the package (as its merges; see models/clip-tokenizer/README.md): a folder with
 * vocab.json and merges.txt. Read when it is first asked for a text.
 */
export function clipTokenizerFolder(): ModelFolder {
	const label = "CLIP's tokenizer";
	const paths = new Set(["vocab.json", "merges.txt"]);
	let whole: Promise<ModelFolder> | undefined;
	const read = async () => {
		const file = join(embeddedModelsFolder, "clip-tokenizer", "merges.txt.gz");
		const merges = (await promisify(gunzip)(await readFile(file))).toString();
		const { ids } = vocabularyFromMerges(parseMerges(merges, file));
		const texts = {
			"vocab.json": JSON.stringify(Object.fromEntries(ids)),
			"merges.txt": merges,
		};
		return modelFolderOf(
			label,
			new Map(
				Object.entries(texts).map(([path, text]) => [
					path,
					new TextEncoder().encode(text),
				]),
			),
		);
	};
	const folder = () => {
		whole ??= read();
		return whole;
	};
	return {
		label,
		paths,
		readText: async (path) => (await folder()).readText(path),
		open: async (path) => (await folder()).open(path),
	};
}
