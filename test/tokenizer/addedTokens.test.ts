import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadTokenizer } from "../../src/tokenizer/loadTokenizer.js";

interface Case {
	readonly config: object;
	readonly specialTokens?: object;
	readonly addedTokens?: object;
	readonly size: number;
	readonly padId: number;
	readonly ids: readonly (readonly number[])[];
}
const testFolder = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(testFolder, path), "utf8");
/** Written by test/reference/added_tokens.py (transformers' CLIPTokenizer). */
const { texts, cases } = JSON.parse(read("golden/added_tokens.json")) as {
	texts: string[];
	cases: Record<string, Case>;
};
const vocab = read("models/tiny-sd/tokenizer/vocab.json");
const merges = read("models/tiny-sd/tokenizer/merges.txt");

describe.each(Object.entries(cases))(
	"tokens beside the vocabulary: %s",
	(_, { config, specialTokens, addedTokens, size, padId, ids }) => {
		const tokenizer = loadTokenizer({
			vocab,
			merges,
			config: JSON.stringify(config),
			...(specialTokens && { specialTokens: JSON.stringify(specialTokens) }),
			...(addedTokens && { addedTokens: JSON.stringify(addedTokens) }),
		});
		test.each(texts.map((text, i) => [text, ids[i]] as const))(
			"%j",
			(text, expected) => {
				const { bosId, eosId } = tokenizer;
				expect([bosId, ...tokenizer.tokenize(text), eosId]).toEqual(expected);
			},
		);
		test("size and padding", () => {
			expect(tokenizer).toMatchObject({ vocabularySize: size, padId });
		});
	},
);

describe("a text encoder that cannot read what the tokenizer gives is refused", () => {
	const load = (config: object, maxTokens: number, vocabSize: number) =>
		loadTokenizer({ vocab, merges, config: JSON.stringify(config) }, "DIR", {
			maxTokens,
			vocabSize,
		});
	const size = 640;
	test("too few positions", () => {
		expect(load({ model_max_length: 77 }, 77, size).maxLength).toBe(77);
		expect(load({ model_max_length: 20 }, 77, size).maxLength).toBe(20);
		expect(load({ model_max_length: 1e30 }, 64, size).maxLength).toBe(64);
		expect(() => load({ model_max_length: 78 }, 77, size)).toThrow(
			/^DIR\/tokenizer_config\.json: the maximum length \(model_max_length\) is 78 tokens, but the text encoder takes 77/,
		);
	});
	test("too few tokens", () => {
		expect(() => load({}, 77, size - 1)).toThrow(
			/^DIR\/vocab\.json has ids up to 639, but the text encoder knows 639 tokens/,
		);
	});
});

test("there may be more added tokens than an expression can have groups", () => {
	const many = Array.from({ length: 33_000 }, (_, i) => [`<t${i}>`, 600 + i]);
	const { tokenize } = loadTokenizer({
		vocab,
		merges,
		addedTokens: JSON.stringify(Object.fromEntries(many)),
	});
	expect(tokenize("<t32999><t3>")).toEqual([33_599, 603]);
});
