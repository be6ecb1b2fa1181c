import type { PromptFragment } from "./promptWeights.js";
import type { Tokenizer } from "./tokenizer.js";

/** A part of a prompt as long as the text encoder reads, begin and end tokens and padding included. */
export interface PromptChunk {
	/** `maxLength` ids. */
	readonly ids: readonly number[];
	/** The weight of each id; 1 for begin, end and padding. */
	readonly weights: readonly number[];
}

/** How prompts are divided. */
export interface PromptChunkOptions {
	/**
	 * Where a chunk is full, what follows its last comma moves to the next chunk if that is at most so many tokens; 0
	 * always fills chunks. A1111's default is 20.
	 */
	readonly commaBacktrack?: number;
}

/**
 * A prompt of any length as chunks of 75 tokens between a begin and an end token, as A1111 divides it. The text states of
 * the chunks, one after another, are the states of the prompt: `[chunks, 77, width]` is `[1, chunks × 77, width]`.
 * @param prompt a plain text, or fragments of parsePromptWeights, which are tokenized one by one.
 */
export function promptChunks(
	prompt: string | readonly PromptFragment[],
	tokenizer: Tokenizer,
	{ commaBacktrack = 20 }: PromptChunkOptions = {},
): PromptChunk[] {
	const fragments =
		typeof prompt === "string" ? [{ text: prompt, weight: 1 }] : prompt;
	const room = tokenizer.maxLength - 2;
	const [comma] = tokenizer.tokenize(",");
	const chunks: PromptChunk[] = [];
	let ids: number[] = [];
	let weights: number[] = [];
	/** Where the text after the last comma of this chunk begins. */
	let afterComma = 0;
	/** Ends the chunk at `length` tokens; the rest begins the next one. */
	const endChunk = (length = ids.length) => {
		chunks.push(
			padChunk(ids.slice(0, length), weights.slice(0, length), tokenizer),
		);
		ids = ids.slice(length);
		weights = weights.slice(length);
		afterComma = 0;
	};
	for (const fragment of fragments) {
		if (fragment === "BREAK") {
			endChunk();
			continue;
		}
		for (const id of tokenizer.tokenize(fragment.text)) {
			if (ids.length === room) {
				const moved = ids.length - afterComma;
				const atComma =
					id !== comma && afterComma > 0 && moved < commaBacktrack;
				endChunk(atComma ? afterComma : room);
			}
			ids.push(id);
			weights.push(fragment.weight);
			if (id === comma) afterComma = ids.length;
		}
	}
	if (ids.length > 0 || chunks.length === 0) endChunk();
	return chunks;
}

/**
 * The chunks of several prompts (a prompt and its negative prompt) made equally many by empty ones, so that their states
 * have one shape.
 */
export function alignChunks(
	prompts: readonly (readonly PromptChunk[])[],
	tokenizer: Tokenizer,
): PromptChunk[][] {
	const count = Math.max(...prompts.map((chunks) => chunks.length));
	const empty = padChunk([], [], tokenizer);
	return prompts.map((chunks) => [
		...chunks,
		...Array.from({ length: count - chunks.length }, () => empty),
	]);
}

function padChunk(
	ids: readonly number[],
	weights: readonly number[],
	{ bosId, eosId, padId, maxLength }: Tokenizer,
): PromptChunk {
	const padding = maxLength - 2 - ids.length;
	return {
		// The end token stands right after the text, wherever that ends; the rest is padding.
		ids: [bosId, ...ids, eosId, ...new Array<number>(padding).fill(padId)],
		weights: [1, ...weights, 1, ...new Array<number>(padding).fill(1)],
	};
}
