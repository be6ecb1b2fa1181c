import { addedTokenSplitter } from "./addedTokens.js";
import type { Tokenizer } from "./tokenizer.js";

/** A word that stands for ids of its own. */
export interface TokenBeyond {
	readonly content: string;
	readonly ids: readonly number[];
}

const LETTER_OR_DIGIT = /^[\p{L}\p{N}_].*[\p{L}\p{N}_]$|^[\p{L}\p{N}_]$/su;

/**
 * A tokenizer that knows more tokens, each of one or several ids. Capitals match too. A token of letters is found as a whole word only; one
 * in brackets, such as <cat-toy>, anywhere.
 */
export function withTokens(
	tokenizer: Tokenizer,
	tokens: readonly TokenBeyond[],
): Tokenizer {
	if (tokens.length === 0) return tokenizer;
	const split = addedTokenSplitter(
		tokens.map(({ content }, id) => ({
			id,
			content,
			normalized: true,
			lstrip: false,
			rstrip: false,
			singleWord: LETTER_OR_DIGIT.test(content),
		})),
	);
	const tokenize = (text: string) =>
		split(text).flatMap((part) =>
			typeof part === "number" ? tokens[part].ids : tokenizer.tokenize(part),
		);
	const { bosId, eosId, padId, maxLength } = tokenizer;
	return {
		...tokenizer,
		vocabularySize: Math.max(
			tokenizer.vocabularySize,
			...tokens.flatMap(({ ids }) => ids.map((id) => id + 1)),
		),
		tokenize,
		encode(text) {
			const ids = [bosId, ...tokenize(text).slice(0, maxLength - 2), eosId];
			while (ids.length < maxLength) ids.push(padId);
			return ids;
		},
	};
}
