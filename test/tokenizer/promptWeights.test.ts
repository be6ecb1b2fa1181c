import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { UserError } from "../../src/errors/userError.js";
import { tensor } from "../../src/tensor/tensor.js";
import { loadTokenizer } from "../../src/tokenizer/loadTokenizer.js";
import { alignChunks, promptChunks } from "../../src/tokenizer/promptChunks.js";
import {
	parsePromptWeights,
	weightTextStates,
} from "../../src/tokenizer/promptWeights.js";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.js";
import { relativeError } from "../goldenFile.js";
import { clipMerges, clipVocab } from "./clipGolden.js";

// Golden data: test/reference/prompt_weights.py.
const golden = JSON.parse(
	readFileSync(
		new URL("../golden/prompt_weights.json", import.meta.url),
		"utf8",
	),
) as {
	fragments: { text: string; fragments: [string, number][] }[];
	chunks: { tokens: number[]; backtrack: number; chunks: number[][] }[];
	states: number[];
	weights: number[][];
	weighted: number[];
};

test("weights of 500 prompts", () => {
	expect(golden.fragments.length).toBe(500);
	for (const { text, fragments } of golden.fragments) {
		const rounded = parsePromptWeights(text).map((fragment) =>
			fragment === "BREAK" ? fragment : [fragment.text, fragment.weight],
		);
		expect(rounded, text).toEqual(fragments);
	}
});

test("BREAK divides, with the space around it, and only as a word", () => {
	expect(parsePromptWeights("a cat BREAK a dog")).toEqual([
		{ text: "a cat", weight: 1 },
		"BREAK",
		{ text: "a dog", weight: 1 },
	]);
	expect(parsePromptWeights("(a BREAK b:2) BREAK")).toEqual([
		{ text: "a", weight: 2 },
		"BREAK",
		{ text: "b", weight: 2 },
		"BREAK",
	]);
	expect(parsePromptWeights("BREAKFAST break")).toEqual([
		{ text: "BREAKFAST break", weight: 1 },
	]);
});

test("too many brackets are refused", () => {
	expect(() => parsePromptWeights("(a".repeat(100_000))).toThrow(UserError);
	expect(parsePromptWeights("\\(".repeat(100_000))).toHaveLength(1);
});

/** Reads "3 0 12" as the ids 3, 0, 12; its comma is 0. */
const numbers: Tokenizer = {
	maxLength: 77,
	vocabularySize: 1003,
	bosId: 1000,
	eosId: 1001,
	padId: 1002,
	tokenize: (text) =>
		text === "," ? [0] : text.split(" ").filter(Boolean).map(Number),
	encode: () => [],
};

test.each(golden.chunks)(
	"$tokens.length tokens, backtrack $backtrack",
	({ tokens, backtrack, chunks }) => {
		const actual = promptChunks(tokens.join(" "), numbers, {
			commaBacktrack: backtrack,
		});
		expect(
			actual.map(({ ids }) => ids.slice(1, ids.indexOf(numbers.eosId))),
		).toEqual(chunks);
		for (const { ids, weights } of actual) {
			expect(ids.length).toBe(77);
			expect(weights).toEqual(new Array(77).fill(1));
			expect(ids[0]).toBe(numbers.bosId);
			const end = ids.indexOf(numbers.eosId);
			expect(ids.slice(end + 1).every((id) => id === numbers.padId)).toBe(true);
		}
	},
);

test("a short plain prompt is the one chunk that the tokenizer encodes", () => {
	const tokenizer = loadTokenizer({ vocab: clipVocab, merges: clipMerges });
	for (const prompt of ["", "a bowl of ramen, steaming"])
		expect(promptChunks(prompt, tokenizer)).toEqual([
			{ ids: tokenizer.encode(prompt), weights: new Array(77).fill(1) },
		]);
});

test("weights follow their tokens, BREAK begins a chunk", () => {
	const [first, second] = promptChunks(
		[{ text: "5 6", weight: 1.3 }, "BREAK", { text: "7", weight: 0.5 }],
		numbers,
	);
	expect(first.ids.slice(0, 4)).toEqual([1000, 5, 6, 1001]);
	expect(first.weights.slice(0, 4)).toEqual([1, 1.3, 1.3, 1]);
	expect(second.ids.slice(0, 3)).toEqual([1000, 7, 1001]);
	expect(second.weights.slice(0, 3)).toEqual([1, 0.5, 1]);
});

test("prompts are given equally many chunks", () => {
	const long = promptChunks("1 ".repeat(160), numbers);
	const [a, b] = alignChunks([long, promptChunks("1", numbers)], numbers);
	expect([a.length, b.length]).toEqual([3, 3]);
	expect(b[2].ids.slice(0, 3)).toEqual([1000, 1001, 1002]);
});

test("weighted states keep the mean of their chunk; weights of 1 change nothing", () => {
	const states = tensor([2, 5, 4], Float32Array.from(golden.states));
	const weighted = weightTextStates(states, golden.weights);
	expect(relativeError(weighted.data, golden.weighted)).toBeLessThan(1e-6);
	expect(weighted.data.subarray(20)).toEqual(states.data.subarray(20));
	expect(() => weightTextStates(states, [[1, 2]])).toThrow(RangeError);
});
