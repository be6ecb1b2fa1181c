import { plainLine } from "./shorten.js";

/** What kind of fault an error is, stable across versions: for programs that act on it. */
export type ErrorCode =
	/** An option has a wrong value: `OptionError` says which. */
	| "invalid_option"
	/** Options or arguments do not go together. */
	| "usage"
	/** A file, a model or an answer is not what it has to be. */
	| "invalid_input"
	/** A model, a file or a plan is not there. */
	| "not_found"
	/** What was asked of a model, a device or a machine cannot be had there. */
	| "unsupported"
	/** A package, program or library that is needed for this is not installed. */
	| "not_installed"
	/** Something that must come over the network could not be had. */
	| "network"
	/** There is not enough memory or room. */
	| "no_memory"
	/** A number became NaN or infinite. */
	| "not_finite"
	/** What was used was released or closed before. */
	| "disposed"
	/** The job failed for another reason that its message tells. */
	| "failed";

/**
 * Something the user can put right: an option, a file, a model. Its message is one line that names the option or file, says
 * what was wrong and what to do.
 */
export class UserError extends Error {
	override readonly name: string = "UserError";
	readonly code: ErrorCode;
	constructor(
		message: string,
		{ code = "failed", ...options }: ErrorOptions & { code?: ErrorCode } = {},
	) {
		super(plainLine(message), options);
		this.code = code;
	}
}
