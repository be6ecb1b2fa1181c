/** What separates fields: RFC 4180's comma, the semicolon of spreadsheets where the comma is the decimal sign, the tab. */
export type Separator = "," | ";" | "\t";

/**
 * Rows of separated values (RFC 4180): fields may be quoted, quotes inside are doubled, quoted fields may hold
 * line ends. A byte order mark is skipped, as are empty lines.
 * @throws SyntaxError with the line where a quote is not closed or text follows one.
 */
export function parseCsv(text: string, separator: Separator = ","): string[][] {
	const rows: string[][] = [];
	const field = new RegExp(
		`(?:"([^"]*(?:""[^"]*)*)"|([^"${separator}\\r\\n]*))(${separator}|\\r?\\n|\\r|$)`,
		"y",
	);
	field.lastIndex = text.startsWith("\uFEFF") ? 1 : 0;
	let row: string[] = [];
	while (field.lastIndex < text.length) {
		const start = field.lastIndex;
		const match = field.exec(text);
		if (!match)
			throw new SyntaxError(
				`line ${text.slice(0, start).split(/\r?\n|\r/).length}: a quote is out of place`,
			);
		const [, quoted, plain, end] = match;
		row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
		if (end === separator) {
			// A separator at the very end begins one more, empty field.
			if (field.lastIndex === text.length) row.push("");
			else continue;
		}
		if (row.length > 1 || row[0] !== "") rows.push(row);
		row = [];
	}
	if (row.length > 0) rows.push(row);
	return rows;
}
