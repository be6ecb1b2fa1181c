import { expect, test } from "vitest";
import { tableHtml } from "../../src/evaluation/results/reportPage.js";
import { tableMarkdown, tableOf } from "../../src/evaluation/results/table.js";

interface Row {
	readonly name: string;
	readonly score?: number;
}
const columns = [
	["Method", ({ name }: Row) => name],
	["Score", ({ score }: Row) => score?.toFixed(1)],
	["Nothing", () => undefined],
] as const;

test("one table is Markdown and HTML; whatever is in its cells stays in them", () => {
	const [table] = tableOf<Row>(
		"Scores",
		[{ name: "a | b", score: 1 }, { name: "<b>&</b>" }],
		columns,
	);
	expect(tableMarkdown(table).split("\n")).toEqual([
		"| Method | Score |",
		"| --- | ---: |",
		"| a \\| b | 1.0 |",
		"| <b>&</b> | – |",
	]);
	const html = tableHtml(table);
	expect(html).toContain("<th>Method</th><th>Score</th>");
	expect(html).toContain("<td>a | b</td><td>1.0</td>");
	expect(html).toContain("<td>&lt;b&gt;&amp;&lt;/b&gt;</td><td>–</td>");
});

test("a table without rows, or without anything to say of them, is none", () => {
	expect(tableOf<Row>("Scores", [], columns)).toEqual([]);
	expect(tableOf<Row>("Scores", [{ name: "a" }], columns)).toEqual([]);
});
