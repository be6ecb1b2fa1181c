import { describe, expect, it } from "vitest";
import * as z from "zod";
import { parseJson, readJsonText } from "../../src/files/parseJson.js";

describe("readJsonText", () => {
	it("reads the numbers that Python writes and JSON lacks, outside strings only", () => {
		expect(
			readJsonText(
				'{"a": -Infinity, "x": "-Infinity, \\" NaN", "y": [NaN, Infinity]}',
				"a.json",
			),
		).toEqual({ a: -1e308, x: '-Infinity, " NaN', y: [null, 1e308] });
	});
	it.each(["{", "[Infinite]", '{"a": -Infinity', '"NaN', "--Infinity", "aNaN"])(
		"refuses %s with the file's name",
		(text) =>
			expect(() => readJsonText(text, "dir/a.json")).toThrow(
				/^dir\/a\.json is no valid JSON: \S/,
			),
	);
	it("takes time in proportion to the text, also where a long string does not end", () => {
		const started = performance.now();
		expect(() => readJsonText(`[NaN, "${"\\\\a".repeat(2e6)}`, "a")).toThrow();
		expect(performance.now() - started).toBeLessThan(3000);
	});
	it("skips a byte order mark", () =>
		expect(readJsonText("\ufeff[1]", "a")).toEqual([1]));
});

describe("parseJson", () => {
	const schema = z.object({ steps: z.array(z.int()) });
	it("refuses what is nested deeper than can be written out", () => {
		const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
		expect(() => parseJson(schema, deep, "p.json")).toThrow(
			/^p\.json: the file is too deep: /,
		);
		expect(() => parseJson(schema, `{"steps": [${deep}]}`, "p.json")).toThrow(
			/^p\.json: steps\.0 is too deep: /,
		);
	});
	it("names the file, the key, its value and what is wrong", () => {
		expect(() => parseJson(schema, '{"steps": [1, 2.5]}', "p.json")).toThrow(
			/^p\.json: steps\.1 is 2\.5: /,
		);
		expect(() => parseJson(schema, "{}", "p.json", { what: "plan" })).toThrow(
			/^p\.json is no plan: steps is missing: /,
		);
		expect(() => parseJson(schema, "[", "p", { what: "plan" })).toThrow(
			/^p is no valid JSON: /,
		);
	});
});
