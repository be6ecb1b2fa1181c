import * as z from "zod";
import { UserError } from "../errors/userError.js";
import { shown } from "../files/parseJson.js";

/** What a network's config must say for features that are not built: the key, and the values that mean "off". */
export type Unsupported = Readonly<Record<string, readonly unknown[]>>;

/**
 * @throws UserError that names the first key of `config` that switches on something no graph here computes, and its value.
 * An absent key is off.
 */
export function rejectUnsupported(
	config: Readonly<Record<string, unknown>>,
	off: Unsupported,
	label: string,
): void {
	for (const [key, values] of Object.entries(off)) {
		const value = config[key];
		if (value !== undefined && value !== null && !values.includes(value))
			throw new UserError(
				`${label}: ${key} is ${shown(value)}: networks with this are not supported${values.length ? ` (only ${values.map(shown).join(" or ")})` : ""}`,
			);
	}
}

/** A positive integer that is small enough to be a size in a network. */
export const size = z
	.int("must be a whole number")
	.min(1, "must be at least 1")
	.max(1 << 20, "is too large");

/** One value for all levels, or a list with one for each. */
export function perLevel<Item extends z.ZodType>(item: Item) {
	return z.union([item, z.array(item).min(1)], {
		error: "must be one value or a list with one for each level",
	});
}

/**
 * The list a `perLevel` value stands for.
 * @throws UserError when it is a list of another length.
 */
export function levels<Item>(
	value: Item | readonly Item[],
	count: number,
	key: string,
	label: string,
): readonly Item[] {
	if (!isList(value)) return Array.from({ length: count }, () => value);
	if (value.length !== count)
		throw new UserError(
			`${label}: ${key} is ${shown(value)}: must have ${count} items, one for each level`,
		);
	return value;
}

function isList<Item>(value: Item | readonly Item[]): value is readonly Item[] {
	return Array.isArray(value);
}
