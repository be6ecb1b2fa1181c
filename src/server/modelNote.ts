import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";
import type { Pipeline } from "../pipeline/pipeline.js";

/** Runs `work`; in the messages of its errors the model is called as clients know it, not by the folder it came from. */
export function modelNote<T>(
	{ label }: Pick<Pipeline, "label">,
	name: string,
	work: () => T,
): T {
	try {
		return work();
	} catch (cause) {
		if (cause instanceof OptionError)
			throw new OptionError(cause.option, cause.what.replaceAll(label, name), {
				cause,
			});
		if (cause instanceof UserError)
			throw new UserError(cause.message.replaceAll(label, name), {
				code: cause.code,
				cause,
			});
		throw cause;
	}
}
