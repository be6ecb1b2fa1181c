import { OptionError } from "./optionError.js";
import { UserError } from "./userError.js";

/**
 * What goes wrong with the file that an option names is said of the option. Everything but a UserError is no fault of the file and stays
 * what it is.
 * @throws OptionError for every UserError of `work`
 */
export async function ofOption<Result>(
	option: string,
	work: () => Result | Promise<Result>,
): Promise<Result> {
	try {
		return await work();
	} catch (cause) {
		if (!(cause instanceof UserError)) throw cause;
		const what = cause instanceof OptionError ? cause.what : cause.message;
		throw new OptionError(option, what, { cause });
	}
}
