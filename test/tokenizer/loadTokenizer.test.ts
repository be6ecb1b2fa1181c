import { describe, expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { parseMerges } from "../../src/tokenizer/clipVocabulary.js";
import {
	loadTokenizer,
	type TokenizerFiles,
} from "../../src/tokenizer/loadTokenizer.js";
import { clipMerges, clipTokens, clipVocab } from "./clipGolden.js";

const special = (content: string) => ({
	content,
	lstrip: false,
	normalized: true,
	rstrip: false,
	single_word: false,
});
/** The files of Stable Diffusion, as test/reference/clip_tokens.py writes them. */
const stableDiffusion = (pad: string): TokenizerFiles => ({
	vocab: clipVocab,
	merges: clipMerges,
	specialTokens: JSON.stringify({
		bos_token: special("<|startoftext|>"),
		eos_token: special("<|endoftext|>"),
		pad_token: pad,
		unk_token: special("<|endoftext|>"),
	}),
	config: JSON.stringify({
		bos_token: { __type: "AddedToken", ...special("<|startoftext|>") },
		eos_token: { __type: "AddedToken", ...special("<|endoftext|>") },
		model_max_length: 77,
		pad_token: "<|endoftext|>",
		tokenizer_class: "CLIPTokenizer",
		unk_token: { __type: "AddedToken", ...special("<|endoftext|>") },
	}),
});
const tokenizerJson = JSON.stringify({
	...clipTokens.tokenizer_json,
	model: {
		...clipTokens.tokenizer_json.model,
		vocab: JSON.parse(clipVocab),
		merges: parseMerges(clipMerges, "merges.txt"),
	},
});

const tokenizers = {
	plain: loadTokenizer({ vocab: clipVocab, merges: clipMerges }),
	sd1: loadTokenizer(stableDiffusion("<|endoftext|>")),
	sd2: loadTokenizer(stableDiffusion("!")),
	"sd1 as tokenizer.json": loadTokenizer({
		tokenizerJson,
		config: clipTokens.config,
	}),
	"tokenizer.json alone": loadTokenizer({ tokenizerJson }),
};
const goldenOf = (name: string): Record<string, number[]> =>
	name === "plain" ? {} : name === "sd2" ? clipTokens.sd2 : clipTokens.sd1;

describe.each(Object.entries(tokenizers))("%s", (name, tokenizer) => {
	// Golden data: test/reference/clip_tokens.py (transformers' CLIPTokenizer).
	test("has the ids of CLIPTokenizer on every string", () => {
		expect(clipTokens.texts.length).toBeGreaterThanOrEqual(2000);
		const differing = clipTokens.texts.filter((text, i) => {
			const expected = goldenOf(name)[i] ?? clipTokens.plain[i];
			const actual = [
				tokenizer.bosId,
				...tokenizer.tokenize(text),
				tokenizer.eosId,
			];
			return actual.join() !== expected.join();
		});
		expect(differing).toEqual([]);
	});

	test("truncates and pads as CLIPTokenizer", () => {
		const padded = clipTokens.padded[name === "sd2" ? "sd2" : "sd1"];
		for (const [i, expected] of Object.entries(padded))
			expect(tokenizer.encode(clipTokens.texts[Number(i)])).toEqual(expected);
		expect(Object.keys(padded).length).toBeGreaterThan(40);
	});
});

test.each([
	["a word of a million letters", "a".repeat(1_000_000)],
	["a million spaces", " ".repeat(1_000_000)],
	["a million marks", `a${"\u0301\u0327".repeat(500_000)}`],
	["two hundred thousand words", "ramen ".repeat(200_000)],
	["broken special tokens", "<|endoftext".repeat(100_000)],
	["apostrophes", "'".repeat(1_000_000)],
	["noodles", "🍜".repeat(250_000)],
])("%s are read to the end", (_, text) => {
	expect(tokenizers.sd2.encode(text)).toHaveLength(77);
});

test("a symbol that the vocabulary lacks becomes the unknown token", () => {
	const vocab = JSON.stringify({
		a: 0,
		"b</w>": 1,
		"ab</w>": 2,
		"<|startoftext|>": 3,
		"<|endoftext|>": 4,
	});
	const tokenizer = loadTokenizer({
		vocab,
		merges: "#version: 0.2\na b</w>\n",
		config: '{"model_max_length": 8}',
	});
	expect(tokenizer.encode("ab aab xb")).toEqual([3, 2, 0, 2, 4, 1, 4, 4]);
});

describe("files that make no tokenizer end in one line that names the file", () => {
	const good = { vocab: clipVocab, merges: "#version: 0.2\nh e\n" };
	test.each<[string, TokenizerFiles, RegExp]>([
		[
			"a vocabulary that is no JSON",
			{ ...good, vocab: "{" },
			/^model\/vocab\.json is no valid JSON: /,
		],
		[
			"a list",
			{ ...good, vocab: "[]" },
			/^model\/vocab\.json is no vocabulary/,
		],
		["nothing", { ...good, vocab: "{}" }, /vocab\.json .* 0 entries/],
		[
			"a negative id",
			{ ...good, vocab: '{"a": -1}' },
			/vocab\.json .* the id of "a"/,
		],
		[
			"an id that is no number",
			{ ...good, vocab: '{"__proto__": {}}' },
			/the id of "__proto__"/,
		],
		["a huge id", { ...good, vocab: '{"a": 1e300}' }, /the id of "a"/],
		[
			"no special tokens",
			{ ...good, vocab: '{"h": 0, "e": 1, "he": 2}' },
			/no begin token: "<\|startoftext\|>"/,
		],
		[
			"a merge of one symbol",
			{ ...good, merges: "#version: 0.2\nhe\n" },
			/^model\/merges\.txt, line 2: a merge is two symbols/,
		],
		["a merge of three", { ...good, merges: "h e l" }, /merges\.txt, line 1/],
		[
			"a merge that the vocabulary lacks",
			{ ...good, merges: "h e\nq zzz" },
			/merge 2 makes or uses "qzzz"/,
		],
		[
			"a config that is no JSON",
			{ ...good, config: "nope" },
			/^model\/tokenizer_config\.json is no valid JSON: /,
		],
		[
			"a length of zero",
			{ ...good, config: '{"model_max_length": 0}' },
			/maximum length is 0/,
		],
		[
			"a token that is a number",
			{ ...good, specialTokens: '{"pad_token": 3}' },
			/special_tokens_map\.json is no CLIP tokenizer's file: pad_token/,
		],
		[
			"tokenizer.json of a WordPiece",
			{ tokenizerJson: '{"model": {"type": "WordPiece", "vocab": {}}}' },
			/^model\/tokenizer\.json is no CLIP tokenizer's file: model\.type/,
		],
		[
			"tokenizer.json without a model",
			{ tokenizerJson: "{}" },
			/tokenizer\.json is no CLIP tokenizer's file: model/,
		],
		[
			"tokenizer.json of GPT-2",
			{
				tokenizerJson:
					'{"model": {"type": "BPE", "end_of_word_suffix": "", "vocab": {}, "merges": []}}',
			},
			/model\.end_of_word_suffix/,
		],
	])("%s", (_, files, reason) => {
		expect(() => loadTokenizer(files, "model")).toThrow(UserError);
		expect(() => loadTokenizer(files, "model")).toThrow(reason);
		expect(() => loadTokenizer(files, "model")).toThrow(/^.*$/);
	});
});
