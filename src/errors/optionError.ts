import { plainLine } from "./shorten.js";
import { UserError } from "./userError.js";

/**
 * An option with a wrong value. `option` is its name as the library spells it ("guidanceScale"); the command line says
 * `--guidance-scale`, a server the field of the request.
 */
export class OptionError extends UserError {
	override readonly name = "OptionError";
	readonly option: string;
	/** What is wrong with its value, without its name. */
	readonly what: string;
	constructor(option: string, what: string, options?: ErrorOptions) {
		super(`${option}: ${what}`, { ...options, code: "invalid_option" });
		this.option = plainLine(option);
		this.what = plainLine(what);
	}
}
