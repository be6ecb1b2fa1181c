import { type Command, Option } from "commander";
import { ofOption } from "../errors/ofOption.js";
import { OptionError } from "../errors/optionError.js";
import { shown } from "../errors/shown.js";
import { decodeText } from "../files/decodeText.js";
import { longestText, readRegularFile } from "../files/nodeReadRegularFile.js";
import { decodePixels, longestPicture } from "../image/nodeImageFile.js";
import { type OptionKind, problemOf } from "../pipeline/optionKinds.js";
import type { OptionEntry } from "../pipeline/options.js";
import { flagOf } from "./failure.js";

type Table<Name extends string> = Readonly<Record<Name, OptionEntry>>;

/** The flags of a table's options, named as the options are, with the values that commander hands over. */
export function addOptionFlags<Name extends string>(
	command: Command,
	table: Table<Name>,
	names: readonly Name[] = Object.keys(table) as Name[],
	words: Partial<Record<Name, string>> = {},
): Command {
	for (const name of names) {
		const entry = table[name];
		if (entry.flag === false) continue;
		const { metavar, choices, help, group } = entry;
		const option = new Option(
			`${flagOf(name)}${metavar ? ` <${metavar}>` : ""}`,
			words[name] ?? help,
		).helpGroup(`${group}:`);
		if (choices) option.choices(choices);
		// a file is read when the command runs
		if (entry.list) {
			option.argParser((word, before: readonly unknown[] = []) => [
				...before,
				...(entry.picture ? [word] : flagItems(name, entry, word)),
			]);
			// the flag says one item, the option is all of them
			option.attributeName = () => name;
		} else if (metavar && !entry.decode && !entry.picture)
			option.argParser((word) => flagValue(name, entry, word));
		command.addOption(option);
		if (entry.formerName)
			command.addOption(formerFlag(entry.formerName, option));
	}
	return command;
}

/** The same flag by the name that it had once, which help leaves out. */
export function formerFlag(name: string, option: Option): Option {
	const former = new Option(
		option.flags.replace(/^--[\w-]+/, flagOf(name)),
	).hideHelp();
	former.attributeName = () => option.attributeName();
	former.parseArg = option.parseArg;
	former.argChoices = option.argChoices;
	return former;
}

/**
 * The value that a word of the command line says.
 * @throws OptionError when it says none, or one that the option does not take
 */
export function flagValue(
	name: string,
	kind: OptionKind,
	word: string,
): unknown {
	const value = kind.parse?.(word);
	const what =
		value === undefined
			? `${shown(word)} is not ${kind.expected}`
			: problemOf(kind, value);
	if (what) throw new OptionError(name, what);
	return value;
}

/** The item of a list that a word says, checked as a list of one. */
function flagItems(
	name: string,
	kind: OptionKind,
	word: string,
): readonly unknown[] {
	const items = [kind.parse?.(word)];
	const what =
		items[0] === undefined
			? `${shown(word)} is not ${(kind.item ?? kind).expected}`
			: problemOf(kind, items);
	if (what) throw new OptionError(name, what);
	return items;
}

/**
 * The options of a table that the flags say; files that flags name are read.
 * @throws OptionError when a file cannot be read; UserError when it is not what it has to be
 */
export async function optionsOfFlags(
	table: Table<string>,
	flags: object,
): Promise<Record<string, unknown>> {
	const options: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(flags)) {
		if (value === undefined || !Object.hasOwn(table, name)) continue;
		options[name] = await valueOfFlag(name, table[name], value);
	}
	return options;
}

async function valueOfFlag(
	name: string,
	kind: OptionKind,
	value: unknown,
): Promise<unknown> {
	const { decode, picture, list } = kind;
	if (!decode && !picture) return value;
	if (list && Array.isArray(value)) {
		const items: unknown[] = [];
		for (const item of value)
			items.push(await valueOfFlag(name, { ...kind, list: undefined }, item));
		return items;
	}
	const path = String(value);
	const content = await readFileOf(
		name,
		path,
		picture ? longestPicture : longestText,
	);
	if (decode) return decode(content, `${flagOf(name)} ${path}`);
	return ofOption(name, () => decodePixels(content, path));
}

/**
 * Reads the file that an option names.
 * @throws OptionError that names the file
 */
export function readFileOf(
	option: string,
	path: string,
	longest: number = longestText,
): Promise<Uint8Array> {
	return ofOption(option, () => readRegularFile(path, longest));
}

/** The same as text. */
export async function readTextOf(
	option: string,
	path: string,
): Promise<string> {
	const bytes = await readFileOf(option, path);
	return ofOption(option, () => decodeText(bytes, path));
}
