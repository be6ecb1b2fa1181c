import { UserError } from "../errors/userError.js";
import { minHeap } from "./minHeap.js";

/** Ends the last symbol of a word. */
export const END_OF_WORD = "</w>";
/** Ids stay below this, so that a pair of them is one exact number. */
export const MAX_ID = 2 ** 24;
/** Positions stay below this, so that a rank and a position are one exact number. */
const MAX_WORD = 2 ** 28;
const CACHED_WORDS = 10_000;
const CACHED_LENGTH = 64;

/** A byte-pair vocabulary: `ids` of the symbols, and the pairs that merge, the most urgent first. */
export interface Vocabulary {
	readonly ids: ReadonlyMap<string, number>;
	readonly merges: readonly (readonly [string, string])[];
}

/**
 * Splits words by byte-pair encoding (Sennrich et al. 2016) over the bytes of their UTF-8 form, as CLIP and GPT-2 do: each
 * byte is a symbol, and the adjacent pair of the lowest rank is merged, leftmost first, until none is left.
 * Takes n log n time in the length of a word.
 * @param unknownId stands for symbols that `vocabulary` lacks; without it they are left out.
 * @param name what to call the vocabulary in an error.
 * @throws UserError where a merge names a symbol that the vocabulary lacks.
 */
export function bytePairs(
	vocabulary: Vocabulary,
	unknownId: number | undefined,
	name: string,
): (word: string) => readonly number[] {
	const { ids } = vocabulary;
	const ranks = new Map<number, number>();
	const merged: number[] = [];
	vocabulary.merges.forEach(([left, right], rank) => {
		const idOf = (symbol: string) => {
			const id = ids.get(symbol);
			if (id === undefined)
				throw new UserError(
					`${name}: merge ${rank + 1} makes or uses ${JSON.stringify(symbol.slice(0, 40))}, which the vocabulary lacks`,
				);
			return id;
		};
		merged.push(idOf(left + right));
		// Of a pair named twice the later rank counts, as in Hugging Face's tokenizers.
		ranks.set(idOf(left) * MAX_ID + idOf(right), rank);
	});
	const letters = byteLetters();
	const inside = letters.map((letter) => ids.get(letter) ?? unknownId);
	const last = letters.map(
		(letter) => ids.get(letter + END_OF_WORD) ?? unknownId,
	);
	const utf8 = new TextEncoder();
	const cache = new Map<string, readonly number[]>();

	const split = (word: string): number[] => {
		const bytes = utf8.encode(word);
		if (bytes.length >= MAX_WORD)
			throw new UserError("the prompt is too long to be read");
		const symbols: number[] = [];
		bytes.forEach((byte, i) => {
			const id = (i === bytes.length - 1 ? last : inside)[byte];
			if (id !== undefined) symbols.push(id);
		});
		return mergeSymbols(symbols, ranks, merged);
	};

	return (word) => {
		const known = cache.get(word);
		if (known) return known;
		const result = split(word);
		if (word.length <= CACHED_LENGTH) {
			if (cache.size >= CACHED_WORDS) cache.clear();
			cache.set(word, result);
		}
		return result;
	};
}

/** Merges in place and returns what is left of `symbols`. The symbols form a list linked both ways, -1 at its ends. */
function mergeSymbols(
	symbols: number[],
	ranks: ReadonlyMap<number, number>,
	merged: readonly number[],
): number[] {
	const count = symbols.length;
	const next = Int32Array.from(symbols, (_, i) => (i + 1 < count ? i + 1 : -1));
	const previous = Int32Array.from(symbols, (_, i) => i - 1);
	const dead = new Uint8Array(count);
	const queue = minHeap();
	const rankAt = (i: number): number | undefined =>
		i < 0 || next[i] < 0
			? undefined
			: ranks.get(symbols[i] * MAX_ID + symbols[next[i]]);
	const enqueue = (i: number) => {
		const rank = rankAt(i);
		if (rank !== undefined) queue.push(rank * MAX_WORD + i);
	};
	for (let i = 0; i < count; i++) enqueue(i);
	for (let top = queue.pop(); top !== undefined; top = queue.pop()) {
		const at = top % MAX_WORD;
		const rank = (top - at) / MAX_WORD;
		// An entry is stale once one of its symbols has been merged into another.
		if (dead[at] || rankAt(at) !== rank) continue;
		const right = next[at];
		symbols[at] = merged[rank];
		dead[right] = 1;
		next[at] = next[right];
		if (next[at] >= 0) previous[next[at]] = at;
		enqueue(previous[at]);
		enqueue(at);
	}
	return symbols.filter((_, i) => !dead[i]);
}

/** The printable character that stands for each byte: its own where Latin-1 prints it, else one from U+0100 on. */
export function byteLetters(): string[] {
	let spare = 0;
	return Array.from({ length: 256 }, (_, byte) => {
		const printable =
			(byte >= 33 && byte <= 126) ||
			(byte >= 161 && byte <= 172) ||
			byte >= 174;
		return String.fromCharCode(printable ? byte : 256 + spare++);
	});
}
