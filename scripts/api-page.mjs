// The API page: what each entry of the package exports, with its doc comment and its declaration, out of the built .d.ts files.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
/** Longer declarations are tables of data: their names are enough. */
const LONGEST = 60;

/** @param {string} text after "export" of a declaration: up to where it ends */
function declarationEnd(text) {
	let depth = 0;
	for (let at = 0; at < text.length; at++) {
		if (text.startsWith("/*", at)) at = text.indexOf("*/", at) + 1;
		else if (/["'`]/.test(text[at])) at = text.indexOf(text[at], at + 1);
		else if ("{([".includes(text[at])) depth++;
		else if ("})]".includes(text[at])) {
			depth--;
			if (
				depth === 0 &&
				text[at] === "}" &&
				/^(interface|declare class|declare abstract class)/.test(text)
			)
				return at + 1;
		} else if (text[at] === ";" && depth === 0) return at + 1;
	}
	return text.length;
}

/** The doc comment and the declaration of a name in a .d.ts file. */
function declaration(path, name) {
	const text = readFileSync(path, "utf8");
	const found = new RegExp(
		`(/\\*\\*(?:(?!\\*/)[\\s\\S])*\\*/\\n)?export ((?:declare )?(?:async )?(?:function|const|interface|type|class) ${name}\\b)`,
	).exec(text);
	if (!found) throw new Error(`${path} does not declare ${name}`);
	const start = found.index + (found[1]?.length ?? 0) + "export ".length;
	const body = text.slice(start, start + declarationEnd(text.slice(start)));
	const doc = (found[1] ?? "")
		.replace(/^\/\*\*|\*\/\n$/g, "")
		.replace(/^[ \t]*\* ?/gm, "")
		.trim();
	return { doc, body: body.replace(/^declare /, "").replace(/ {4}/g, "  ") };
}

/** @param {string} doc of a doc comment: its tags as a list */
function words(doc) {
	return doc
		.replace(/^@param (\S+) /gm, "- `$1`: ")
		.replace(/^@returns? /gm, "- Returns ")
		.replace(/^@throws /gm, "- Throws ")
		.replace(/^- /m, "\n- ");
}

/** The names that an entry exports, each with the file that declares it. */
function exportsOf(path) {
	const text = readFileSync(path, "utf8");
	const declares = (from) =>
		join(dirname(path), from.replace(/\.js$/, ".d.ts"));
	const named = [
		...text.matchAll(/export (?:type )?\{([^}]*)\} from "([^"]+)"/g),
	].flatMap(([, names, from]) =>
		names
			.split(",")
			.filter((name) => name.trim())
			.map((name) => [name.trim().replace(/^type /, ""), declares(from)]),
	);
	const whole = [...text.matchAll(/export \* from "([^"]+)"/g)];
	return [...named, ...whole.flatMap(([, from]) => exportsOf(declares(from)))];
}

function section(specifier, file) {
	const entries = exportsOf(join(root, "dist", file));
	entries.sort(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
	const parts = entries.map(([name, path]) => {
		const { doc, body } = declaration(path, name);
		const code =
			body.split("\n").length > LONGEST ? "" : `\n\n\`\`\`ts\n${body}\n\`\`\``;
		return `### ${name}\n\n${words(doc)}${code}`.replace(/\n{3,}/g, "\n\n");
	});
	return `## ${specifier}\n\n${parts.join("\n\n")}`;
}

/** The page, out of package.json's exports and the built declarations. */
export function apiPage() {
	const { exports } = JSON.parse(
		readFileSync(join(root, "package.json"), "utf8"),
	);
	const sections = Object.entries(exports)
		// the entry for Node; browsers' has its own page, docs/browser.md
		.map(([key, entry]) => [key, entry.node ?? entry])
		.flatMap(([key, entry]) =>
			entry.types
				? [
						section(
							key.replace(".", "faster-diffusion"),
							entry.types.replace("./dist/", ""),
						),
					]
				: [],
		);
	return `# API

What the package exports, made by \`npm run docs\` from the doc comments. The options of a run are in [command-line.md](command-line.md): \`--guidance-scale\` there is
\`guidanceScale\` here. [examples/](../examples) shows programs.

${sections.join("\n\n")}
`;
}
