import { expect, test } from "vitest";
import { loraTags } from "../../src/tokenizer/loraTags.js";

test.each([
	["a cat", "a cat", []],
	[
		"a <lora:fur:0.8> cat",
		"a  cat",
		[{ name: "fur", textWeight: 0.8, weight: 0.8 }],
	],
	["<lora:fur>", "", [{ name: "fur", textWeight: 1, weight: 1 }]],
	[
		"<lyco:fur:0.5:-0.25>x",
		"x",
		[{ name: "fur", textWeight: 0.5, weight: -0.25 }],
	],
	[
		"<lora:fur:te=0:unet=0.7>",
		"",
		[{ name: "fur", textWeight: 0, weight: 0.7 }],
	],
	["<lora:fur:much>", "", [{ name: "fur", textWeight: 1, weight: 1 }]],
	["1 < lora:2> <b>", "1 < lora:2> <b>", []],
])("%s", (prompt, text, tags) => {
	expect(loraTags(prompt)).toEqual({ text, tags, others: [] });
});

test("tags of names that are not taken stay in the text", () => {
	const fur = { name: "fur", textWeight: 1, weight: 1 };
	const ice = { name: "ice", textWeight: 0.5, weight: 0.5 };
	expect(
		loraTags("a <lora:fur> and <lora:ice:0.5>", (name) => name === "ice"),
	).toEqual({ text: "a <lora:fur> and ", tags: [ice], others: [fur] });
});
