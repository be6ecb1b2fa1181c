import type { Results } from "./results.js";
import { resultsNotes } from "./resultsNotes.js";
import { resultsTables } from "./resultsTables.js";
import { tableMarkdown } from "./table.js";

/** The tables and notes of a run in Markdown, as they stand on a terminal. */
export function resultsTable(results: Results): string {
	const [main, ...others] = resultsTables(results);
	return [
		tableMarkdown(main),
		...others.flatMap((table) => [`${table.title}:`, tableMarkdown(table)]),
		...resultsNotes(results),
		"",
	].join("\n\n");
}
