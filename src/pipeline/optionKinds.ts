import * as z from "zod";
import { shown } from "../errors/shown.js";
import { isPixelImage, type PixelImage } from "../image/pixelImage.js";
import { seedFits } from "../random/seed.js";

/** What values an option takes, and how a word of the command line or of a picture's parameters becomes one. */
export interface OptionKind<Schema extends z.ZodType = z.ZodType> {
	/** What the library takes. */
	readonly schema: Schema;
	/** What a right value is, as the end of "… is not": "a whole number from 1 to 1000". */
	readonly expected: string;
	/** How `--help` calls the value; a flag without a value has none. */
	readonly metavar?: string;
	readonly choices?: readonly string[];
	/** The value that a word says, to be checked by the schema; undefined where it says none. */
	readonly parse?: (word: string) => unknown;
	/** Where the word is the path of a file: the value that its content says. `label` stands in front of errors. */
	readonly decode?: (content: Uint8Array, label: string) => unknown;
	/** A list: the word says one of its items, and the flag may be given several times. */
	readonly list?: true;
	/** What its items are, where they are told apart from the list in messages. */
	readonly item?: OptionKind;
	/** Where the word is the path of a picture's file: the value is the picture, with its alpha. */
	readonly picture?: true;
}

/** What is wrong with a value of this kind, without the option's name; undefined: nothing. */
export function problemOf(
	kind: OptionKind,
	value: unknown,
): string | undefined {
	const { success, error } = kind.schema.safeParse(value);
	if (success) return undefined;
	const { item } = kind;
	if (item && Array.isArray(value))
		for (const one of value) {
			const what = problemOf(item, one);
			if (what) return what;
		}
	const [issue] = error.issues;
	if (issue.path.length > 0)
		return `${issue.path.join(".")}: ${issue.message.slice(0, 200)}`;
	// what a check of its own has to say
	if (issue.code === "custom" && issue.message !== "Invalid input")
		return issue.message;
	if (issue.code === "unrecognized_keys")
		return `there is no key ${issue.keys.map((key) => key.slice(0, 60)).join(", ")}`;
	if (issue.code === "too_big" && typeof value === "string")
		return `${value.length} characters are too many; the most is ${issue.maximum}`;
	return `${shown(value)} is not ${kind.expected}`;
}

/** A whole number in a range. */
export const whole = (metavar: string, least: number, most: number) => ({
	schema: z.int().min(least).max(most),
	expected: `a whole number from ${least} to ${most}`,
	metavar,
	parse: (word: string) =>
		/^[+-]?\d{1,15}$/.test(word.trim()) ? Number(word) : undefined,
});

/** A number in a range; never NaN or infinite. */
export const number = (metavar: string, least: number, most: number) => ({
	schema: z.number().min(least).max(most),
	expected: `a number from ${least} to ${most}`,
	metavar,
	parse: (word: string) =>
		/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(word.trim())
			? Number(word)
			: undefined,
});

/** An integer of up to 64 bits: a number where that is exact, else its decimal digits; bigints are taken too. */
export const seed = (metavar: string) => ({
	schema: z
		.union([z.int(), z.string().regex(/^[+-]?\d{1,20}$/), z.bigint()])
		.refine(seedFits),
	expected: "an integer of up to 64 bits",
	metavar,
	parse: (word: string) =>
		/^[+-]?\d{1,20}$/.test(word.trim()) ? BigInt(word) : undefined,
});

/** Text of at most so many characters. */
export const text = (metavar: string, longest: number) => ({
	schema: z.string().max(longest),
	expected: "a text",
	metavar,
	parse: (word: string) => word,
});

/** One of several words. */
export const choice = <const Words extends readonly [string, ...string[]]>(
	metavar: string,
	words: Words,
) => ({
	schema: z.enum(words),
	expected: `one of ${words.join(", ")}`,
	metavar,
	choices: words,
	parse: (word: string) => word,
});

/** On or off; on the command line a flag without a value. */
export const flag = () => ({
	schema: z.boolean(),
	expected: "true or false",
	parse: (word: string) => ({ true: true, false: false })[word],
});

/** A value that the command line reads from a file. */
export const file = <Schema extends z.ZodType>(
	metavar: string,
	schema: Schema,
	expected: string,
	decode: (content: Uint8Array, label: string) => unknown,
) => ({ schema, expected, metavar, decode });

/** A picture; on the command line the file of one. */
export const picture = (metavar: string) => ({
	schema: z.custom<PixelImage>(isPixelImage),
	expected:
		"a picture: its width, its height, and data of three or four bytes a pixel",
	metavar,
	picture: true as const,
});

/** A colour. */
export const colour = (metavar: string) => ({
	schema: z.string().regex(/^#[0-9a-f]{6}$/i),
	expected: 'a colour such as "#ffffff"',
	metavar,
	// a shell takes what follows # for a remark
	parse: (word: string) => (/^[0-9a-f]{6}$/i.test(word) ? `#${word}` : word),
});

/** One value of another kind, or a list of them; on the command line a flag that may be given several times. */
export const several = <Schema extends z.ZodType>(
	kind: OptionKind<Schema>,
	most: number,
) => ({
	...kind,
	schema: z.union([kind.schema, z.array(kind.schema).min(1).max(most)]),
	expected: `${kind.expected}, or a list of up to ${most}`,
	list: true as const,
	item: kind as OptionKind,
});
