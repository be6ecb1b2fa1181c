import type { Table } from "./table.js";

const STYLE = `
:root { color-scheme: light; }
body { font: 15px/1.5 sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; color: #111; background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #ccc; text-align: right; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid #333; }
.wide { overflow-x: auto; }
.images th { font-weight: normal; font-size: 12px; max-width: 14rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
.images td { padding: 2px; border: 0; }
img { width: 128px; height: 128px; object-fit: contain; background: #eee; vertical-align: top; }
figure { margin: 1rem 0; overflow-x: auto; }
.numbers { columns: 14rem; font-size: 13px; }
nav { margin: .5rem 0 1rem; }
.worst li { margin: .5rem 0; overflow-wrap: anywhere; }
summary { cursor: pointer; padding: .3rem 0; }
`;

/** Text as it may stand in HTML, in an element or a quoted attribute. */
export function escapeHtml(text: string): string {
	const entities: Readonly<Record<string, string>> = {
		"&": "&amp;",
		"<": "&lt;",
		">": "&gt;",
		'"': "&quot;",
		"'": "&#39;",
	};
	return text.replace(/[&<>"']/g, (sign) => entities[sign] ?? "");
}

/** A page that loads nothing and runs nothing, whatever gets into it. */
export function page(title: string, blocks: readonly string[]): string {
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${blocks.join("\n")}
</body>
</html>
`;
}

export function tableHtml({ header, rows }: Table): string {
	const line = (cells: readonly string[], tag: string) =>
		`<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
	return `<div class="wide"><table><thead>${line(header, "th")}</thead><tbody>${rows.map((row) => line(row, "td")).join("\n")}</tbody></table></div>`;
}
