import type * as z from "zod";
import { optionsJsonSchema } from "./checkOptions.js";
import { GENERATION_OPTIONS, type OptionEntry } from "./options.js";

const TABLE: Readonly<Record<string, OptionEntry>> = GENERATION_OPTIONS;
/** Options that requests can say: those that JSON can, and pictures as base64. */
export const SERVED_OPTIONS: readonly string[] = Object.keys(TABLE).filter(
	(name) => TABLE[name].json !== false || TABLE[name].picture,
);

/** The JSON schema of a request's options, pictures as base64. */
export function requestSchema(): z.core.JSONSchema.BaseSchema {
	const schema = optionsJsonSchema(TABLE);
	const properties = { ...schema.properties };
	for (const name of SERVED_OPTIONS)
		if (TABLE[name].picture)
			properties[name] = {
				type: "string",
				contentEncoding: "base64",
				description: `${TABLE[name].help} (a PNG, JPEG or WebP as base64 or data: URL)`,
			};
	return { ...schema, properties };
}

/** What a form needs of an option. */
export function optionNote(name: string) {
	const { group, help, expected, metavar, choices, required, needs, picture } =
		TABLE[name];
	return {
		name,
		group,
		help,
		expected,
		metavar,
		choices,
		required,
		needs: needs?.[0],
		picture,
	};
}
