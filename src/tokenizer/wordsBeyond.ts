import type { Tokenizer } from "./tokenizer.js";

/** The words at the end of a text that `encode` cuts off, since the text encoder reads no more; "" where it reads all. */
export function wordsBeyond(text: string, tokenizer: Tokenizer): string {
	const room = tokenizer.maxLength - 2;
	const fits = (part: string) => tokenizer.tokenize(part).length <= room;
	if (fits(text)) return "";
	const ends = [...text.matchAll(/\S+/g)].map(
		({ index, 0: word }) => index + word.length,
	);
	// the most words that fit, by halving
	let [low, high] = [0, ends.length];
	while (low < high) {
		const middle = (low + high + 1) >> 1;
		if (fits(text.slice(0, ends[middle - 1]))) low = middle;
		else high = middle - 1;
	}
	return text.slice(low === 0 ? 0 : ends[low - 1]).trim();
}
