import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import {
	parseMerges,
	vocabularyFromMerges,
} from "../../src/tokenizer/clipVocabulary.js";

const read = (name: string) =>
	gunzipSync(readFileSync(new URL(`../../${name}`, import.meta.url))).toString(
		"utf8",
	);

/** merges.txt of OpenAI's CLIP (from open_clip_torch, MIT licence). */
export const clipMerges = read("models/clip-tokenizer/merges.txt.gz");
/** vocab.json of OpenAI's CLIP. */
export const clipVocab = JSON.stringify(
	Object.fromEntries(
		vocabularyFromMerges(parseMerges(clipMerges, "merges.txt")).ids,
	),
);

/** Written by test/reference/clip_tokens.py. */
export const clipTokens = JSON.parse(
	read("test/golden/clip_tokens.json.gz"),
) as {
	texts: string[];
	plain: number[][];
	sd1: Record<string, number[]>;
	sd2: Record<string, number[]>;
	padded: { sd1: Record<string, number[]>; sd2: Record<string, number[]> };
	tokenizer_json: {
		model: { vocab: unknown; merges: unknown };
		[key: string]: unknown;
	};
	config: string;
};
