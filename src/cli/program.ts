import { Command, CommanderError } from "commander";
import { editDistance } from "../errors/editDistance.js";
import { UserError } from "../errors/userError.js";
import { packageVersion } from "../files/nodePackageVersion.js";
import { COMMANDS } from "./commands.js";
import { failure } from "./failure.js";

const HELP = `
Examples:
  $ fdiff "a bowl of ramen"                          with the embedded model, offline
  $ fdiff "a bowl of ramen" --model stable-diffusion-v1-5/stable-diffusion-v1-5
  $ fdiff compare "a bowl of ramen" --output compare.png
  $ fdiff evaluate --protocol embedded --out results
  $ fdiff analyze "a red apple" --out analysis
  $ fdiff models list
`;

/** Runs a command line to its end; what went wrong is said on stderr, and sets the process' exit code. */
export async function runProgram(words: readonly string[]): Promise<void> {
	try {
		await run(words);
	} catch (error) {
		const { line, exitCode } = failure(error);
		if (line) process.stderr.write(`${line}\n`);
		process.exitCode = exitCode;
	}
}

async function run(words: readonly string[]): Promise<void> {
	const program = new Command("fdiff")
		.description(
			"Stable Diffusion text-to-image with encoder propagation (Faster Diffusion)",
		)
		.version(packageVersion())
		.helpCommand(false)
		.showSuggestionAfterError(true)
		// said in one line by failure()
		.configureOutput({ outputError: () => undefined })
		.enablePositionalOptions()
		.addHelpText("after", HELP)
		.exitOverride();
	const [first = ""] = words;
	// behind a flag it is its value, or the prompt
	const asked = first.startsWith("-") ? undefined : first;
	const overview = words.length === 0 || ["--help", "-h"].includes(first);
	const needed =
		asked !== undefined && Object.hasOwn(COMMANDS, asked) && !overview
			? [asked]
			: overview
				? Object.keys(COMMANDS)
				: ["generate"];
	for (const name of needed) (await COMMANDS[name]())(program);
	for (const command of program.commands) command.exitOverride();
	if (words.length === 0) {
		program.outputHelp();
		return;
	}
	try {
		await program.parseAsync(words, { from: "user" });
	} catch (error) {
		if (
			!(error instanceof CommanderError) ||
			error.code !== "commander.excessArguments"
		)
			throw error;
		const meant = nearestCommand(asked);
		if (meant)
			throw new UserError(
				`unknown command '${asked}' (did you mean ${meant}?); a prompt of several words goes in quotes: fdiff "a bowl of ramen"`,
				{ code: "usage" },
			);
		const late = words.find((word) => Object.hasOwn(COMMANDS, word));
		if (late && asked === undefined)
			throw new UserError(
				`a command comes before its flags: fdiff ${late} …; a prompt of several words goes in quotes: fdiff "a bowl of ramen"`,
				{ code: "usage" },
			);
		throw error;
	}
}

/** The command that a word was meant to be, where it is at most two letters off. */
function nearestCommand(word = ""): string | undefined {
	return Object.keys(COMMANDS).find((name) => {
		const distance = editDistance(word, name);
		return distance > 0 && distance <= 2;
	});
}
