import { CommanderError } from "commander";
import { OptionError } from "../errors/optionError.js";
import { plainLine } from "../errors/shorten.js";
import { UserError } from "../errors/userError.js";
import { fileFault } from "../files/fileFault.js";

/** How a command ends: one line for stderr (none: nothing to say) and the exit code. */
export interface Failure {
	readonly line?: string;
	readonly exitCode: number;
}

/** One line and an exit code for whatever a command threw: 2 wrong usage, 1 failed, 130 interrupted. */
export function failure(error: unknown): Failure {
	if (error instanceof OptionError)
		return {
			line: `fdiff: ${flagOf(error.option)}: ${error.what}`,
			exitCode: 2,
		};
	if (error instanceof UserError)
		return {
			line: `fdiff: ${error.message}`,
			exitCode: error.code === "usage" ? 2 : 1,
		};
	if (error instanceof CommanderError) return wrongUsage(error);
	if (error instanceof Error && error.name === "AbortError")
		return { line: "fdiff: interrupted", exitCode: 130 };
	const fault = fileFault(error);
	if (fault) {
		const { path } = error as NodeJS.ErrnoException;
		return { line: `fdiff: ${path ? `${path}: ` : ""}${fault}`, exitCode: 1 };
	}
	if (process.env.FDIFF_DEBUG && error instanceof Error)
		return { line: error.stack, exitCode: 1 };
	const message = error instanceof Error ? error.message : String(error);
	return {
		line: `fdiff: ${plainLine(message)} (set FDIFF_DEBUG=1 for where it happened)`,
		exitCode: 1,
	};
}

/** What commander found wrong; --help and --version end a command too, and have said all there is to say. */
function wrongUsage({ code, exitCode, message }: CommanderError): Failure {
	if (exitCode === 0) return { exitCode: 0 };
	if (code === "commander.help") return { exitCode: 2 };
	const words = plainLine(message.replace(/\s*\n\s*/g, " "))
		.replace(/^error: /, "")
		// as the errors of options are worded
		.replace(
			/^option '(?:-\w, )?(--[\w-]+).*' argument '.*' is invalid\. /s,
			"$1: ",
		)
		.replace(/^option '(.*)' argument missing$/, "$1: its value is missing")
		.replace(/^required option '(.*)' not specified$/, "$1 is missing");
	return {
		line: `fdiff: ${words}${code === "commander.excessArguments" ? ' Put a prompt of several words in quotes: fdiff "a bowl of ramen".' : ""}`,
		exitCode: 2,
	};
}

/** Options that are lists: their flags say one item each. */
const LISTS: Readonly<Record<string, string>> = {
	loras: "lora",
	embeddings: "embedding",
};

/** How the command line calls an option of the library: `guidanceScale` is `--guidance-scale`, and an item of `loras` is `--lora`. */
export function flagOf(name: string): string {
	const option = Object.hasOwn(LISTS, name) ? LISTS[name] : name;
	return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
