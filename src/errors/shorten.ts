/** A text of a hostile file, cut and without control characters or line breaks, for a one-line message. */
export function shorten(name: string, length = 80): string {
	const clean = name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "�");
	return clean.length > length ? `${clean.slice(0, length)}…` : clean;
}
