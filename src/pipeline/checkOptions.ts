import * as z from "zod";
import { nearestWord } from "../errors/editDistance.js";
import { OptionError } from "../errors/optionError.js";
import { shown } from "../errors/shown.js";
import { UserError } from "../errors/userError.js";
import { problemOf } from "./optionKinds.js";
import type { OptionEntry } from "./options.js";

/** Tests of what a caller may give beside the entries of a table, by name. */
export type HookTests = Readonly<Record<string, (value: unknown) => boolean>>;

/**
 * Checks options against their table: every name, every value. Undefined stands for an option that was not given.
 * @throws OptionError that names the option
 */
export function checkOptions(
	table: Readonly<Record<string, OptionEntry>>,
	options: unknown,
	hooks: HookTests = {},
): void {
	if (typeof options !== "object" || options === null || Array.isArray(options))
		throw new UserError(
			`${shown(options)} is no object of options such as { prompt: "a bowl of ramen" }`,
			{ code: "usage" },
		);
	for (const [name, value] of Object.entries(options)) {
		if (value === undefined) continue;
		if (Object.hasOwn(table, name)) {
			const what = problemOf(table[name], value);
			if (what) throw new OptionError(name, what);
			const { needs } = table[name];
			if (needs && (options as Record<string, unknown>)[needs[0]] === undefined)
				throw new OptionError(name, needs[1]);
		} else if (!Object.hasOwn(hooks, name)) {
			const meant = nearestWord(name, Object.keys({ ...table, ...hooks }));
			throw new OptionError(
				name.slice(0, 60),
				`there is no such option${meant ? `; did you mean ${meant}?` : ""}`,
			);
		} else if (!hooks[name](value))
			throw new OptionError(name, `${shown(value)} cannot be used for it`);
	}
	for (const [name, { required }] of Object.entries(table))
		if (required && (options as Record<string, unknown>)[name] === undefined)
			throw new OptionError(name, "it is missing");
}

/**
 * The JSON schema of a table's options: of what JSON can say of them.
 * @returns a schema of draft 2020-12
 */
export function optionsJsonSchema(
	table: Readonly<Record<string, OptionEntry>>,
): z.core.JSONSchema.BaseSchema {
	const shape: Record<string, z.ZodType> = {};
	for (const [name, entry] of Object.entries(table)) {
		if (entry.json === false) continue;
		const described = entry.schema.meta({ description: entry.help });
		shape[name] = entry.required ? described : described.optional();
	}
	return z.toJSONSchema(z.strictObject(shape), {
		io: "input",
		// a bigint or a plan object beside what JSON can say: the other alternatives remain
		unrepresentable: "any",
		override({ jsonSchema }) {
			// what is left out is up to the model
			delete jsonSchema.default;
			if (jsonSchema.anyOf)
				jsonSchema.anyOf = jsonSchema.anyOf.filter(
					(alternative) => Object.keys(alternative).length > 0,
				);
		},
	});
}
