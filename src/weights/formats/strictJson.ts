import { shorten } from "../../errors/shorten.js";

/** A JSON value in which objects are maps (a key may be "__proto__") and numbers stay as they were written. */
export type StrictJson =
	| null
	| boolean
	| string
	| JsonNumber
	| readonly StrictJson[]
	| ReadonlyMap<string, StrictJson>;

/** A number of a JSON text, as its characters: 1, 1.0 and 1e0 are told apart, and 2^64 keeps its digits. */
export interface JsonNumber {
	readonly literal: string;
}

/** Objects and arrays inside each other beyond this are refused, as serde_json does. */
const maxDepth = 128;

/**
 * Parses JSON (RFC 8259) as strictly as Rust's serde_json: unlike `JSON.parse` it refuses keys that occur twice in an object,
 * lone surrogates and deep nesting, and keeps number literals.
 * @throws SyntaxError with a short reason and the character it was found at.
 */
export function parseStrictJson(text: string): StrictJson {
	let at = 0;

	const fail = (reason: string): never => {
		throw new SyntaxError(`${reason} at character ${at}`);
	};
	const skipSpace = () => {
		for (;;) {
			const code = text.charCodeAt(at);
			if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09)
				return;
			at++;
		}
	};

	const string = (): string => {
		const start = at;
		let escaped = false;
		for (at++; ; at++) {
			const code = text.charCodeAt(at);
			if (Number.isNaN(code)) return fail("a string without its end");
			if (code < 0x20) return fail("a control character in a string");
			if (code === 0x22) break;
			if (code === 0x5c) {
				escaped = true;
				at++;
			}
		}
		at++;
		if (!escaped) return text.slice(start + 1, at - 1);
		let value: string;
		try {
			value = JSON.parse(text.slice(start, at)) as string;
		} catch {
			return fail("a string with a wrong escape");
		}
		return /\p{Cs}/u.test(value) ? fail("a lone surrogate in a string") : value;
	};

	const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
	const number = (): JsonNumber => {
		numberPattern.lastIndex = at;
		const match = numberPattern.exec(text);
		if (!match)
			return fail(at < text.length ? "not JSON" : "the JSON ends too early");
		at = numberPattern.lastIndex;
		return { literal: match[0] };
	};

	const word = (spelling: string, value: boolean | null) => {
		if (!text.startsWith(spelling, at)) return fail("not JSON");
		at += spelling.length;
		return value;
	};

	const object = (depth: number): ReadonlyMap<string, StrictJson> => {
		const entries = new Map<string, StrictJson>();
		at++;
		skipSpace();
		if (text[at] === "}") {
			at++;
			return entries;
		}
		for (;;) {
			skipSpace();
			if (text[at] !== '"') return fail("no key");
			const key = string();
			if (entries.has(key))
				return fail(`the key ${JSON.stringify(shorten(key))} twice`);
			skipSpace();
			if (text[at] !== ":") return fail("no colon after a key");
			at++;
			entries.set(key, value(depth));
			skipSpace();
			const separator = text[at];
			if (separator !== "," && separator !== "}")
				return fail("no comma or brace in an object");
			at++;
			if (separator === "}") return entries;
		}
	};

	const array = (depth: number): readonly StrictJson[] => {
		const items: StrictJson[] = [];
		at++;
		skipSpace();
		if (text[at] === "]") {
			at++;
			return items;
		}
		for (;;) {
			items.push(value(depth));
			skipSpace();
			const separator = text[at];
			if (separator !== "," && separator !== "]")
				return fail("no comma or bracket in an array");
			at++;
			if (separator === "]") return items;
		}
	};

	const value = (depth: number): StrictJson => {
		if (depth >= maxDepth) return fail("too deeply nested JSON");
		skipSpace();
		switch (text[at]) {
			case "{":
				return object(depth + 1);
			case "[":
				return array(depth + 1);
			case '"':
				return string();
			case "t":
				return word("true", true);
			case "f":
				return word("false", false);
			case "n":
				return word("null", null);
			default:
				return number();
		}
	};

	const result = value(0);
	skipSpace();
	if (at < text.length) fail("something after the JSON");
	return result;
}
