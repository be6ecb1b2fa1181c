/** A table: texts only, the first column names the rows. */
export interface Table {
	readonly title: string;
	readonly header: readonly string[];
	readonly rows: readonly (readonly string[])[];
}

/** A column: what it says of a row; undefined where it has nothing to say. */
export type Column<Row> = readonly [
	title: string,
	text: (row: Row) => string | undefined,
];

/** The table of some rows, without the columns that say nothing of any; no table where only names are left. */
export function tableOf<Row>(
	title: string,
	rows: readonly Row[],
	columns: readonly Column<Row>[],
): Table[] {
	const kept = columns.filter(([, text]) =>
		rows.some((row) => text(row) !== undefined),
	);
	if (kept.length < 2) return [];
	return [
		{
			title,
			header: kept.map(([name]) => name),
			rows: rows.map((row) => kept.map(([, text]) => text(row) ?? "–")),
		},
	];
}

/** As Markdown, numbers to the right. */
export function tableMarkdown({ header, rows }: Table): string {
	const line = (cells: readonly string[]) =>
		`| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
	return [
		line(header),
		line(header.map((_, column) => (column === 0 ? "---" : "---:"))),
		...rows.map(line),
	].join("\n");
}
