import { plainLine } from "../errors/shorten.js";
import type { Warning } from "../pipeline/warning.js";

/** Says a warning on stderr, and with `--json` as an event on stdout. */
export function warn(
	{ code, message }: Warning,
	flags: { readonly quiet?: boolean; readonly json?: boolean },
): void {
	if (!flags.quiet) process.stderr.write(`warning: ${plainLine(message)}\n`);
	if (flags.json)
		process.stdout.write(
			`${JSON.stringify({ event: "warning", code, message })}\n`,
		);
}
