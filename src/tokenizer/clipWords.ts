/**
 * White space, letter case and canonical composition as Hugging Face's CLIPTokenizer settles them (transformers 5, and the
 * "fast" tokenizer of version 4): NFC, runs of Unicode white space to one space, lower case letter by letter.
 *
 * The "slow" tokenizer of transformers 4, which diffusers loaded for Stable Diffusion, gives the same ids for plain prompts and
 * differs on these: it knows a final sigma, and special tokens in small letters only; without ftfy it drops control and format
 * characters and sets every Chinese character apart with spaces; with ftfy it repairs mojibake and HTML entities, straightens
 * curly quotes, and takes ligatures, digraph letters and full- or half-width forms apart or to their common ones.
 */
export function normalizeText(text: string): string {
	const spaced = composed(text).replace(/\p{White_Space}+/gu, " ");
	// Lower case of a whole string depends on neighbours (a final sigma); CLIP's does not.
	return /^[\0-\x7f]*$/.test(spaced)
		? spaced.toLowerCase()
		: spaced.replace(/\P{Lowercase_Letter}/gu, (letter) =>
				letter.toLowerCase(),
			);
}

/** NFC. Its time grows with the square of a run of marks, so that runs over 128 (no writing has them) are taken in pieces. */
function composed(text: string): string {
	if (!/\p{Mark}{129}/u.test(text)) return text.normalize("NFC");
	return text.replace(/\P{Mark}+\p{Mark}{0,128}|\p{Mark}{1,128}/gu, (piece) =>
		piece.normalize("NFC"),
	);
}

/** CLIP's words: contractions, runs of letters, single digits, runs of anything else; white space divides and is dropped. */
const WORD =
	/<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;

/** The words of a normalized text, in order. */
export function* clipWords(text: string): Generator<string> {
	for (const [word] of text.matchAll(WORD)) {
		// A special token that is spelt out in capitals is a word of its own, but falls apart like any other text.
		if (word.startsWith("<|") && word.endsWith("text|>")) {
			yield "<|";
			yield word.slice(2, -2);
			yield "|>";
		} else yield word;
	}
}
