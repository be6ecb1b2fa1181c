/** A text of a hostile file, cut and without control characters or line breaks, for a one-line message. */
export function shorten(name: string, length = 80): string {
	const clean = name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "�");
	return clean.length > length ? `${clean.slice(0, length)}…` : clean;
}

/** A longer message has something in it that nobody wants to read to its end. */
const LONGEST = 1200;

/**
 * A message as one line that a terminal shows and does not obey: what comes of files (names of tensors, paths, a parser's
 * words) may hold line breaks, escape sequences and marks that turn the writing round.
 */
export function plainLine(message: string): string {
	// what is wrong stands at the front, what to do at the end
	const short =
		message.length > LONGEST
			? `${message.slice(0, LONGEST - 300)} … ${message.slice(-300)}`
			: message;
	return short
		.replace(/\s*[\n\r\u2028\u2029]+\s*/g, "; ")
		.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, "�");
}
