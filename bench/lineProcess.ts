import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A child process that answers lines with lines. */
export interface LineProcess {
	/** Sends a line; gives the next line it prints. @throws Error when it ends instead. */
	ask(line: string): Promise<string>;
	/** Ends it. */
	close(): Promise<void>;
}

/**
 * Starts a child process and waits for its first line.
 * @returns undefined when it ends without one: what it needs is not there.
 */
export async function lineProcess(
	command: string,
	words: readonly string[],
	options: { readonly showErrors: boolean },
): Promise<{ process: LineProcess; greeting: string } | undefined> {
	const child = spawn(command, words, {
		stdio: ["pipe", "pipe", options.showErrors ? "inherit" : "ignore"],
	});
	const ended = new Promise<void>((resolve) => {
		child.once("close", () => resolve());
		child.once("error", () => resolve());
	});
	const lines = createInterface({ input: child.stdout })[
		Symbol.asyncIterator
	]();
	const next = async () => {
		const { value, done } = await lines.next();
		return done ? undefined : value;
	};
	const greeting = await next();
	if (greeting === undefined) return undefined;
	return {
		greeting,
		process: {
			async ask(line) {
				child.stdin.write(`${line}\n`);
				const answer = await next();
				if (answer === undefined)
					throw new Error(`${command} ended without an answer to "${line}"`);
				return answer;
			},
			async close() {
				child.stdin.end();
				await ended;
			},
		},
	};
}
