import fc from "fast-check";
import { expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { parseInfotext, writeInfotext } from "../../src/image/infotext.js";

test("a last line with fewer than three settings is prompt", () => {
	const text = "a cat\nstyle: oil, mood: calm";
	expect(parseInfotext(text)).toEqual({
		prompt: text,
		negativePrompt: "",
		settings: new Map(),
	});
	expect(parseInfotext("")).toEqual({
		prompt: "",
		negativePrompt: "",
		settings: new Map(),
	});
});

const line = fc.string({ unit: "grapheme" });
const prompt = fc.oneof(
	line,
	fc.array(line, { maxLength: 4 }).map((lines) => lines.join("\n")),
	fc.constantFrom(
		"Negative prompt: not one",
		" spaces ",
		"a\n\nb",
		"\n",
		"a: 1, b2: 2, cc: 3",
		"Steps: 20, Sampler: x, Seed: 1\n",
		"a\r\nb",
		'"quoted"',
	),
);
const value = fc.oneof(
	line,
	fc.constantFrom(
		'"',
		'""',
		"\\",
		"a, b",
		"a: b",
		"a\nb",
		' "x" ',
		'"a\\"',
		",",
	),
);
const key = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_ /-]{1,20}$/);

test("any prompt and settings are read back as they were written", () => {
	fc.assert(
		fc.property(
			prompt,
			prompt,
			fc.uniqueArray(fc.tuple(key, value), {
				selector: ([name]) => name,
				minLength: 3,
				maxLength: 8,
			}),
			(positive, negative, entries) => {
				const written = {
					prompt: positive,
					negativePrompt: negative,
					settings: new Map(entries),
				};
				expect(parseInfotext(writeInfotext(written))).toEqual(written);
			},
		),
		{ numRuns: 5000 },
	);
});

test.each([
	["letters without a colon", "a".repeat(1 << 20)],
	["words without a colon", "ab ".repeat(1 << 18)],
	["open quotes", 'ab:"'.repeat(1 << 17)],
	["backslashes", `ab: "${"\\".repeat(1 << 19)}`],
	["colons", "ab:".repeat(1 << 18)],
	["newlines", "\n".repeat(1 << 20)],
	["spaces after a colon", `ab:${" ".repeat(1 << 19)}`],
])("a megabyte of %s is read to the end", (_, text) => {
	expect(parseInfotext(text).settings.size).toBeLessThan(3);
});

test("a longer text is refused", () => {
	expect(() => parseInfotext("a".repeat((1 << 20) + 1))).toThrow(UserError);
});

test("keys that would not be read back are refused", () => {
	const settings = new Map([
		["a:b", "1"],
		["bb", "2"],
		["cc", "3"],
	]);
	expect(() =>
		writeInfotext({ prompt: "", negativePrompt: "", settings }),
	).toThrow(RangeError);
});
