import { UserError } from "../errors/userError.js";
import { parsedJson } from "../files/parsedJson.js";

/** What A1111's `parameters` text says: prompts and settings, all as text. */
export interface Infotext {
	readonly prompt: string;
	readonly negativePrompt: string;
	/** By key, in their order: "Steps", "Sampler", "CFG scale", "Seed", "Size" … */
	readonly settings: ReadonlyMap<string, string>;
}

const NEGATIVE = "Negative prompt:";
/** Prompts that the format itself would change (space at the ends of lines, say) are kept under these keys as well. */
const EXACT_PROMPT = "Exact prompt";
const EXACT_NEGATIVE = "Exact negative prompt";
const KEY = /^[\p{L}\p{N}_][\p{L}\p{N}_ \-/]{1,99}$/u;
// A key ends somewhere: without a bound a long line without colons would take quadratic time.
const SETTING =
	/([\p{L}\p{N}_][\p{L}\p{N}_ \-/]{1,99}):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)/gu;
/** A last line with fewer settings is part of the prompt. */
const FEWEST_SETTINGS = 3;
const LONGEST = 1 << 20;

/**
 * The text as A1111 writes it: the prompt, a line "Negative prompt: …" where there is one, and one line of settings, values
 * with a comma, colon or newline in them quoted as JSON.
 * @throws RangeError for a key that A1111 would not read back, or fewer settings than it takes for settings.
 */
export function writeInfotext({
	prompt,
	negativePrompt,
	settings,
}: Infotext): string {
	const entries = [...settings];
	for (const [key] of entries)
		if (!KEY.test(key))
			throw new RangeError(`${JSON.stringify(key)} is no key of a setting`);
	if (entries.length < FEWEST_SETTINGS)
		throw new RangeError(`settings need at least ${FEWEST_SETTINGS} entries`);
	const compose = (exact: [string, string][]) => {
		const line = [
			...entries.map(([key, value]) => `${key}: ${quote(value)}`),
			...exact.map(([key, value]) => `${key}: ${JSON.stringify(value)}`),
		].join(", ");
		const negative = negativePrompt ? `\n${NEGATIVE} ${negativePrompt}` : "";
		return `${prompt}${negative}\n${line}`;
	};
	const plain = compose([]);
	const back = parseInfotext(plain);
	if (back.prompt === prompt && back.negativePrompt === negativePrompt)
		return plain;
	return compose([
		[EXACT_PROMPT, prompt],
		[EXACT_NEGATIVE, negativePrompt],
	]);
}

/**
 * Reads a text of A1111 or of any program that follows it. The last line holds the settings if at least three can be found
 * in it; what follows a line that begins with "Negative prompt:" is the negative prompt; lines are trimmed.
 * @throws UserError for a text over 1 MiB.
 */
export function parseInfotext(text: string): Infotext {
	if (text.length > LONGEST)
		throw new UserError("the picture's settings are over 1 MiB");
	const lines = text.trim().split("\n");
	let found = settingsOf(lines.at(-1) ?? "");
	if (found.length >= FEWEST_SETTINGS) lines.pop();
	else found = [];
	const settings = new Map(found);
	const prompt: string[] = [];
	const negative: string[] = [];
	let inNegative = false;
	for (const line of lines) {
		let trimmed = line.trim();
		if (trimmed.startsWith(NEGATIVE)) {
			inNegative = true;
			trimmed = trimmed.slice(NEGATIVE.length).trim();
		}
		const target = inNegative ? negative : prompt;
		// A1111 drops empty lines before the first full one.
		if (trimmed || target.length > 0) target.push(trimmed);
	}
	const exactPrompt = settings.get(EXACT_PROMPT);
	const exactNegative = settings.get(EXACT_NEGATIVE);
	settings.delete(EXACT_PROMPT);
	settings.delete(EXACT_NEGATIVE);
	return {
		prompt: exactPrompt ?? prompt.join("\n"),
		negativePrompt: exactNegative ?? negative.join("\n"),
		settings,
	};
}

function settingsOf(line: string): [string, string][] {
	return [...line.matchAll(SETTING)].map(([, key, value]) => [
		key,
		unquote(value),
	]);
}

function quote(value: string): string {
	// A1111 quotes only for commas, colons and newlines; its reader takes the others back the same way.
	return value === "" || /[,:\n]|^["\s]|\s$/.test(value)
		? JSON.stringify(value)
		: value;
}

function unquote(value: string): string {
	if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"'))
		return value;
	const parsed = parsedJson(value);
	return typeof parsed === "string" ? parsed : value;
}
