import { parsePromptWeights } from "../tokenizer/promptWeights.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import type { RunSettings } from "./runSettings.js";
import type { Warning } from "./warning.js";

/**
 * The warnings of a run whose prompts are longer than the text encoder reads.
 * @throws OptionError for prompts with weights that are out of range
 */
export function promptWarnings(
	settings: Pick<
		RunSettings,
		| "prompt"
		| "negativePrompt"
		| "guidanceScale"
		| "promptWeighting"
		| "longPrompts"
	>,
	tokenizer: Tokenizer,
): Warning[] {
	const options = ["prompt", "negativePrompt"] as const;
	return options.flatMap((option) => {
		const text = settings[option];
		const first = settings.promptWeighting
			? firstChunk(text, option)
			: { text, rest: "" };
		if (settings.longPrompts) return [];
		if (option === "negativePrompt" && settings.guidanceScale <= 1) return [];
		const cut = cutWords(first, tokenizer);
		if (!cut) return [];
		const what = option === "prompt" ? option : "negative prompt";
		const shown = cut.length > 200 ? `${cut.slice(0, 200)}…` : cut;
		return [
			{
				code: "prompt_cut",
				message: `the ${what} is cut at ${tokenizer.maxLength} tokens; these words have no effect: ${JSON.stringify(shown)}; the option longPrompts encodes them too`,
			},
		];
	});
}

/** The text up to the first BREAK of a prompt with weights, and what follows. */
function firstChunk(
	prompt: string,
	option: string,
): { text: string; rest: string } {
	const fragments = parsePromptWeights(prompt, option);
	const at = fragments.indexOf("BREAK");
	const words = (some: typeof fragments) =>
		some.map((part) => (part === "BREAK" ? " " : part.text)).join("");
	return at < 0
		? { text: words(fragments), rest: "" }
		: { text: words(fragments.slice(0, at)), rest: words(fragments.slice(at)) };
}

/** The end of a text that does not fit between the begin and the end token. */
function cutWords(
	{ text, rest }: { readonly text: string; readonly rest: string },
	tokenizer: Tokenizer,
): string {
	const room = tokenizer.maxLength - 2;
	const fits = (length: number) =>
		tokenizer.tokenize(text.slice(0, length)).length <= room;
	if (fits(text.length)) return rest.trim();
	// the ends of words first; a word that is too long by itself is cut inside
	const ends = [...text.matchAll(/\s+|$/g)].map(({ index }) => index);
	const kept =
		lastThat(ends, fits) ||
		lastThat(
			Array.from(text, (_, i) => i),
			fits,
		);
	return (text.slice(kept) + rest).trim();
}

/** The last of ascending lengths that holds, 0 where none does: each that is shorter than one that holds does too. */
function lastThat(
	lengths: readonly number[],
	holds: (length: number) => boolean,
): number {
	let [low, high] = [0, lengths.length];
	while (low < high) {
		const middle = (low + high) >> 1;
		if (holds(lengths[middle])) low = middle + 1;
		else high = middle;
	}
	return low === 0 ? 0 : lengths[low - 1];
}
