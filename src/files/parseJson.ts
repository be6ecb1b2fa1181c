import type * as z from "zod";
import { mustBeText } from "../errors/mustBe.js";
import { type ErrorCode, UserError } from "../errors/userError.js";
import { foreignFile } from "./foreignFile.js";

/** How errors speak of a JSON file. */
export interface JsonKind {
	/** What it should be: "key-step plan". */
	readonly what?: string;
	readonly code?: ErrorCode;
}

/**
 * The value of a JSON text that is as `schema` says.
 * @param label what errors call the text: its file
 * @throws UserError, one line that names the file, the key, its value and what is wrong with it.
 */
export function parseJson<Schema extends z.ZodType>(
	schema: Schema,
	text: string,
	label: string,
	kind: JsonKind = {},
): z.output<Schema> {
	return checkJson(schema, readJsonText(text, label, kind), label, kind);
}

/**
 * A JSON value that is as `schema` says.
 * @throws UserError as `parseJson` does.
 */
export function checkJson<Schema extends z.ZodType>(
	schema: Schema,
	json: unknown,
	label: string,
	{ what, code }: JsonKind = {},
): z.output<Schema> {
	const result = schema.safeParse(json);
	if (result.success) return result.data;
	const [{ path, message }] = result.error.issues;
	const where = path.join(".") || "the file";
	throw new UserError(
		`${label}${what ? ` is no ${what}` : ""}: ${where} is ${shown(valueAt(json, path))}: ${message.replace(/\s+/g, " ").replace(/, received undefined$/, "")}`,
		code ? { code } : {},
	);
}

/**
 * The value of a JSON text as Python's json module reads it: `Infinity`, `-Infinity` and `NaN`, which Python writes and JSON
 * does not have, are 1e308, -1e308 and null. A byte order mark is skipped.
 * @throws UserError, one line that names the file, when it is no JSON.
 */
export function readJsonText(
	text: string,
	label: string,
	{ code }: JsonKind = {},
): unknown {
	mustBeText(text, label);
	const plain = text.startsWith("\ufeff") ? text.slice(1) : text;
	try {
		return JSON.parse(plain);
	} catch (cause) {
		try {
			return JSON.parse(withoutPythonNumbers(plain));
		} catch {
			const foreign = foreignFile(plain);
			throw new UserError(
				`${label} is no valid JSON: ${foreign ? `it is ${foreign}` : (cause as Error).message.replace(/\s+/g, " ")}`,
				{ cause, ...(code && { code }) },
			);
		}
	}
}

const pythonNumbers: Readonly<Record<string, string>> = {
	Infinity: "1e308",
	"-Infinity": "-1e308",
	NaN: "null",
};

function withoutPythonNumbers(text: string): string {
	const pattern = /"|-?\bInfinity\b|\bNaN\b/g;
	let result = "";
	let from = 0;
	for (let found = pattern.exec(text); found; found = pattern.exec(text)) {
		const [token] = found;
		if (token === '"') pattern.lastIndex = endOfString(text, found.index + 1);
		else {
			result += text.slice(from, found.index) + pythonNumbers[token];
			from = pattern.lastIndex;
		}
	}
	return result + text.slice(from);
}

/** The place after the quotation mark that ends a string. */
function endOfString(text: string, start: number): number {
	for (let at = start; at < text.length; at++)
		if (text[at] === "\\") at++;
		else if (text[at] === '"') return at + 1;
	return text.length;
}

function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
	let value = json;
	for (const key of path)
		value =
			typeof value === "object" && value !== null
				? (value as Record<PropertyKey, unknown>)[key]
				: undefined;
	return value;
}

/** A JSON value in an error: "missing" where it is undefined, cut where it is long. */
export function shown(value: unknown): string {
	if (value === undefined) return "missing";
	let text: string;
	try {
		text = JSON.stringify(value) ?? String(value);
	} catch {
		// of more levels than the stack has room for
		return "too deep";
	}
	return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
