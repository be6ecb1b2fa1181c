/** Prints a Markdown table under a heading. */
export function printTable(
	title: string,
	columns: readonly string[],
	rows: readonly (readonly string[])[],
): void {
	const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
	const lines = [
		`\n### ${title}\n`,
		line(columns),
		line(columns.map(() => "---")),
		...rows.map(line),
	];
	process.stdout.write(`${lines.join("\n")}\n`);
}
