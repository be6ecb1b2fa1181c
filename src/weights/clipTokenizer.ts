import {
	parseMerges,
	vocabularyFromMerges,
} from "../tokenizer/clipVocabulary.js";
import { type ModelFolder, modelFolderOf } from "./formats/modelFolder.js";

/**
 * CLIP's own tokenizer, which comes with the package (as its merges; see models/clip-tokenizer/README.md): a folder with
 * vocab.json and merges.txt. Read when it is first asked for a text.
 * @param readMerges gives the bytes of models/clip-tokenizer/merges.txt.gz.
 */
export function clipTokenizerFolder(
	readMerges: () => Promise<Uint8Array>,
): ModelFolder {
	const label = "CLIP's tokenizer";
	const paths = new Set(["vocab.json", "merges.txt"]);
	let whole: Promise<ModelFolder> | undefined;
	const read = async () => {
		const packed = new Blob([(await readMerges()) as Uint8Array<ArrayBuffer>]);
		const merges = await new Response(
			packed.stream().pipeThrough(new DecompressionStream("gzip")),
		).text();
		const { ids } = vocabularyFromMerges(parseMerges(merges, label));
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
