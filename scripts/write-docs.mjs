// Writes docs/api.md, and the flag tables of docs/command-line.md from the program's own flags (run `npm run build` before). Each table stands
// between <!-- flags of NAME --> and <!-- end -->; `shared` is what all commands that draw have in common.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { apiPage } from "./api-page.mjs";
import { embeddedPlans } from "./embedded-plans.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const path = join(root, "docs", "command-line.md");

/** The commands of the program by their full names: "generate", "models pull". */
async function commandsByName() {
	const { COMMANDS } = await import(join(root, "dist/cli/commands.js"));
	const program = new Command("fdiff");
	for (const load of Object.values(COMMANDS)) (await load())(program);
	const byName = new Map();
	const walk = (command, prefix) => {
		for (const child of command.commands) {
			byName.set(`${prefix}${child.name()}`, child);
			walk(child, `${prefix}${child.name()} `);
		}
	};
	walk(program, "");
	return byName;
}

/** @param {import("commander").Option[]} options */
function table(options) {
	const rows = options.map(
		({ flags, description, argChoices, defaultValue }) => {
			const words = description.charAt(0).toUpperCase() + description.slice(1);
			const choices = argChoices
				? `: ${argChoices.map((word) => `\`${word}\``).join(", ")}`
				: "";
			const fallback =
				defaultValue === undefined ? "" : ` (default: ${defaultValue})`;
			return `| \`${flags.replaceAll("|", "\\|")}\` | ${words.replaceAll("|", "\\|").replaceAll("<", "\\<")}${choices}${fallback}. |`;
		},
	);
	return ["| Flag | What it does |", "|---|---|", ...rows].join("\n");
}

/** @param {string} name */
function flagsOf(commands, name) {
	const grouped = ({ helpGroupHeading: group }) => group !== undefined;
	const drawing = commands.get("generate").options.filter(grouped);
	if (name === "shared") {
		const groups = [
			...new Set(drawing.map((option) => option.helpGroupHeading)),
		];
		return groups
			.map(
				(group) =>
					`**${group.slice(0, -1)}**\n\n${table(drawing.filter((option) => option.helpGroupHeading === group))}`,
			)
			.join("\n\n");
	}
	const options = commands.get(name).options.filter(({ hidden }) => !hidden);
	const own = options.filter((option) => !grouped(option));
	const shared = new Set(options.filter(grouped).map(({ long }) => long));
	const lacking = drawing
		.filter(({ long }) => !shared.has(long))
		.map(({ long }) => `\`${long}\``);
	const also =
		shared.size === 0
			? ""
			: lacking.length === 0
				? "It takes all flags of drawing, and:\n\n"
				: lacking.length < shared.size
					? `It takes the flags of drawing but ${lacking.join(", ")}, and:\n\n`
					: `Of the flags of drawing it takes ${[...shared].map((long) => `\`${long}\``).join(", ")}; and:\n\n`;
	return `${also}${table(own)}`;
}

/** The commands that have flags of their own. */
export async function commandNames() {
	return [...(await commandsByName())].flatMap(([name, { options }]) =>
		options.length > 0 ? [name] : [],
	);
}

/** The document with all its tables as the program has them now. */
export async function withTables(text) {
	const commands = await commandsByName();
	return text.replace(
		/(<!-- flags of ([a-z -]+) -->\n)[\s\S]*?(<!-- end -->)/g,
		(_, start, name, end) => `${start}\n${flagsOf(commands, name)}\n\n${end}`,
	);
}

if (argv[1] === fileURLToPath(import.meta.url)) {
	writeFileSync(path, await withTables(readFileSync(path, "utf8")));
	writeFileSync(join(root, "docs", "api.md"), apiPage());
	writeFileSync(
		join(root, "src", "weights", "web", "embeddedPlans.ts"),
		embeddedPlans(),
	);
}
