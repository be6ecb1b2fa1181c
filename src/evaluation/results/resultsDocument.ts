import { findings } from "./findings.js";
import type { Results } from "./results.js";
import { resultsNotes } from "./resultsNotes.js";
import { resultsTables } from "./resultsTables.js";
import { tableMarkdown } from "./table.js";

/** The file results.md: what was found, the tables behind it, how it was measured, and the command that repeats it. */
export function resultsDocument(results: Results): string {
	const { protocol, methods } = results.definition;
	const command = [
		`fdiff evaluate --protocol ${protocol.name}`,
		`--methods ${methods.map(({ name }) => name).join(",")}`,
		"--out DIR",
	].join(" ");
	const found = findings(results);
	return `${[
		"# Results",
		`Made by \`${command}\` with the data, model and judges named below; what the columns and intervals mean is in [evaluation.md](evaluation.md).`,
		...(found.length > 0
			? ["## What was found", found.map((line) => `- ${line}`).join("\n")]
			: []),
		"## Tables",
		...resultsTables(results).flatMap((table) => [
			`### ${table.title}`,
			tableMarkdown(table),
		]),
		"## How it was measured",
		...resultsNotes(results),
	].join("\n\n")}\n`;
}
