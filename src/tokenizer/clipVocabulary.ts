import { UserError } from "../errors/userError.js";
import {
	byteLetters,
	END_OF_WORD,
	MAX_ID,
	type Vocabulary,
} from "./bytePairs.js";

const MAX_ENTRIES = 2_000_000;

/**
 * The symbols of vocab.json: an object of ids.
 * @throws UserError naming `file` for anything else.
 */
export function parseVocab(value: unknown, file: string): Map<string, number> {
	if (typeof value !== "object" || value === null || Array.isArray(value))
		throw new UserError(
			`${file} is no vocabulary: it must be an object of ids`,
		);
	const entries = Object.entries(value);
	if (entries.length === 0 || entries.length > MAX_ENTRIES)
		throw new UserError(
			`${file} is no vocabulary: it has ${entries.length} entries`,
		);
	for (const [symbol, id] of entries)
		if (!Number.isInteger(id) || id < 0 || id >= MAX_ID)
			throw new UserError(
				`${file} is no vocabulary: the id of ${JSON.stringify(symbol.slice(0, 40))} is no whole number from 0 to ${MAX_ID - 1}`,
			);
	return new Map(entries as [string, number][]);
}

/**
 * The pairs of merges.txt, one a line, after an optional `#version` line.
 * @throws UserError naming `file` and the line for anything else.
 */
export function parseMerges(text: string, file: string): [string, string][] {
	const lines = text.split("\n", MAX_ENTRIES + 2);
	if (lines.length > MAX_ENTRIES)
		throw new UserError(
			`${file} is no list of merges: it has over ${MAX_ENTRIES} lines`,
		);
	const merges: [string, string][] = [];
	lines.forEach((line, i) => {
		const pair = line.endsWith("\r") ? line.slice(0, -1) : line;
		if (pair === "" || (i === 0 && pair.startsWith("#version"))) return;
		merges.push(splitPair(pair, `${file}, line ${i + 1}`));
	});
	return merges;
}

/** The two symbols of "a b". @throws UserError beginning with `where`. */
export function splitPair(pair: string, where: string): [string, string] {
	const symbols = pair.split(" ", 3);
	if (symbols.length !== 2 || symbols.includes(""))
		throw new UserError(
			`${where}: a merge is two symbols with a space between them`,
		);
	return [symbols[0], symbols[1]];
}

/**
 * The vocabulary that OpenAI built from merges, for models that come without a vocab.json (single-file checkpoints): the 256
 * bytes, the same at the end of a word, each merge in its order, `<|startoftext|>` and `<|endoftext|>`.
 */
export function vocabularyFromMerges(
	merges: readonly (readonly [string, string])[],
): Vocabulary {
	const bytes = byteLetters();
	// OpenAI numbered the printable bytes first.
	const ordered = [
		...bytes.filter((letter) => letter.charCodeAt(0) < 256),
		...bytes.filter((letter) => letter.charCodeAt(0) >= 256),
	];
	const symbols = [
		...ordered,
		...ordered.map((letter) => letter + END_OF_WORD),
		...merges.map(([left, right]) => left + right),
		"<|startoftext|>",
		"<|endoftext|>",
	];
	return { ids: new Map(symbols.map((symbol, id) => [symbol, id])), merges };
}
