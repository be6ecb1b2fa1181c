import { normalizeText } from "./clipWords.js";

/** A token that is found in a text as it stands, before words are split. */
export interface AddedToken {
	readonly id: number;
	readonly content: string;
	/** Whether it is looked for in the normalized text (so that capitals match too) instead of the raw one. */
	readonly normalized: boolean;
	/** Whether it takes the white space before it, or after it, with it. */
	readonly lstrip: boolean;
	readonly rstrip: boolean;
	/** Whether it is found only where no letter, digit or underscore stands next to it. */
	readonly singleWord: boolean;
}

/** Divides a text into ids of added tokens and the normalized texts between them, in order. */
export function addedTokenSplitter(
	tokens: readonly AddedToken[],
): (text: string) => (number | string)[] {
	const raw = splitter(tokens.filter((token) => !token.normalized));
	const normalized = splitter(
		tokens
			.filter((token) => token.normalized)
			.map((token) => ({ ...token, content: normalizeText(token.content) })),
	);
	return (text) =>
		raw(text).flatMap((part) =>
			typeof part === "number" ? [part] : normalized(normalizeText(part)),
		);
}

function splitter(
	tokens: readonly AddedToken[],
): (text: string) => (number | string)[] {
	const usable = tokens.filter(({ content }) => content !== "");
	if (usable.length === 0) return (text) => [text];
	// Of tokens that begin at one place the longest wins.
	const longestFirst = [...usable].sort(
		(a, b) => b.content.length - a.content.length,
	);
	const pattern = new RegExp(
		longestFirst.map(({ content }) => escapePattern(content)).join("|"),
		"gu",
	);
	// of two that normalize to one text the first counts
	const byContent = new Map(
		longestFirst.reverse().map((token) => [token.content, token]),
	);
	return (text) => {
		const parts: (number | string)[] = [];
		let from = 0;
		for (const match of text.matchAll(pattern)) {
			const token = byContent.get(match[0]) as AddedToken;
			const end = match.index + match[0].length;
			if (
				token.singleWord &&
				(/[\p{L}\p{M}\p{N}_]$/u.test(
					text.slice(Math.max(0, match.index - 2), match.index),
				) ||
					/^[\p{L}\p{M}\p{N}_]/u.test(text.slice(end, end + 2)))
			)
				continue;
			if (match.index < from) continue;
			const before = text.slice(from, match.index);
			parts.push(token.lstrip ? before.trimEnd() : before, token.id);
			from = end;
			if (token.rstrip)
				while (from < text.length && /\p{White_Space}/u.test(text[from]))
					from++;
		}
		parts.push(text.slice(from));
		return parts.filter((part) => part !== "");
	};
}

function escapePattern(text: string): string {
	return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
