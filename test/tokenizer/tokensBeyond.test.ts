import { expect, test } from "vitest";
import { loadTokenizer } from "../../src/tokenizer/loadTokenizer.js";
import { withTokens } from "../../src/tokenizer/tokensBeyond.js";
import { openModel } from "../../src/weights/nodeOpenModel.js";
import { tinySd } from "../pipeline/tinyModels.js";

test("tokens stand for their ids: letters as whole words, capitals too, brackets anywhere", async () => {
	const files = await openModel(tinySd);
	const plain = loadTokenizer(files.tokenizers.tokenizer);
	const tokenizer = withTokens(plain, [
		{ content: "tower", ids: [900, 901] },
		{ content: "<cat-toy>", ids: [902] },
	]);
	const a = plain.tokenize("a");
	expect(tokenizer.tokenize("a tower")).toEqual([...a, 900, 901]);
	expect(tokenizer.tokenize("a Tower, a")).toEqual([
		...a,
		900,
		901,
		...plain.tokenize(", a"),
	]);
	expect(tokenizer.tokenize("towers")).toEqual(plain.tokenize("towers"));
	expect(tokenizer.tokenize("a<cat-toy>a")).toEqual([...a, 902, ...a]);
	expect(tokenizer.vocabularySize).toBe(903);
	const encoded = tokenizer.encode("tower ".repeat(50));
	expect(encoded).toHaveLength(plain.maxLength);
	expect(encoded.at(-1)).toBe(plain.eosId);
	expect(encoded.slice(0, 3)).toEqual([plain.bosId, 900, 901]);
});
