import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { vegaSvg } from "../../src/plots/vegaSvg.js";

test("a plot becomes an SVG document whose labels are escaped", async () => {
	const hostile = `</svg><script>alert("1")</script>&`;
	const svg = await vegaSvg({
		data: {
			values: [
				{ x: 1, y: 2, name: hostile },
				{ x: 3, y: 4, name: "plain" },
			],
		},
		mark: { type: "text" },
		encoding: {
			x: { field: "x", type: "quantitative" },
			y: { field: "y", type: "quantitative" },
			text: { field: "name" },
		},
	});
	expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
	expect(svg).toContain("&lt;/svg&gt;&lt;script&gt;");
	expect(svg).not.toContain("<script");
});

test("a plot does not read files, although it is asked to", async () => {
	const url = fileURLToPath(new URL("secret.csv", import.meta.url));
	const svg = await vegaSvg({
		data: { url, format: { type: "csv" } },
		mark: "text",
		encoding: { text: { field: "word" } },
	});
	expect(svg).not.toContain("treasure");
	expect(await readFile(url, "utf8")).toContain("treasure");
});
