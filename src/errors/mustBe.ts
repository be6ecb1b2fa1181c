import { shown } from "./shown.js";
import { UserError } from "./userError.js";

/**
 * Callers of JavaScript may give anything.
 * @param what how errors call it
 * @throws UserError when it is no text
 */
export function mustBeText(
	value: unknown,
	what: string,
): asserts value is string {
	if (typeof value !== "string")
		throw new UserError(`${what}: ${shown(value)} is no text`, {
			code: "usage",
		});
}

/** @throws UserError when it is no Uint8Array */
export function mustBeBytes(
	value: unknown,
	what: string,
): asserts value is Uint8Array {
	if (!(value instanceof Uint8Array))
		throw new UserError(`${what}: ${shown(value)} is no Uint8Array`, {
			code: "usage",
		});
}
