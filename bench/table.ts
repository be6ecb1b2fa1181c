import { markdownTable } from "./markdownTable.js";

/** Prints a Markdown table under a heading. */
export function printTable(
	title: string,
	columns: readonly string[],
	rows: readonly (readonly string[])[],
): void {
	process.stdout.write(`\n### ${title}\n\n${markdownTable(columns, rows)}\n`);
}
