/** A Markdown table; columns are aligned as `alignment` says ("---", "---:"), to the left unless told. */
export function markdownTable(
	head: readonly string[],
	rows: readonly (readonly string[])[],
	alignment: readonly string[] = head.map(() => "---"),
): string {
	return [head, alignment, ...rows]
		.map((cells) => `| ${cells.join(" | ")} |`)
		.join("\n");
}
