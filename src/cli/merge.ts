import type { Command } from "commander";
import { UserError } from "../errors/userError.js";
import { readRun } from "../evaluation/results/nodeWriteResults.js";
import { resultsTable } from "../evaluation/results/resultsTable.js";
import { mergeRuns } from "../evaluation/run/nodeMerge.js";
import { brokenLimitOption, checkBrokenLimit } from "./brokenLimit.js";
import { interruptSignal } from "./interrupt.js";
import { resultsWithBar } from "./resultsWithBar.js";

interface MergeFlags {
	readonly out?: string;
	readonly limit: number;
	readonly json?: boolean;
}

/** Adds `merge` to the program. */
export function addMergeCommand(program: Command): void {
	program
		.command("merge")
		.description("join the parts of an evaluation and write its results")
		.argument("<dirs...>", "run folders of fdiff evaluate, of the same run")
		.option("--out <dir>", "where the joined run goes (several folders)")
		.addOption(brokenLimitOption())
		.option("--json", "results as JSON on stdout, nothing else there")
		.addHelpText(
			"after",
			`
Examples:
  $ fdiff merge out/val-5k                              all parts wrote into one folder
  $ fdiff merge part-1 part-2 part-3 --out out/val-5k   each had its own`,
		)
		.action(async (folders: string[], flags: MergeFlags) => {
			checkBrokenLimit(flags.limit);
			let out = folders[0];
			if (folders.length > 1 || flags.out !== undefined) {
				if (flags.out === undefined)
					throw new UserError(
						"--out: several folders need a new one to be joined in",
						{ code: "usage" },
					);
				out = flags.out;
				await mergeRuns(folders, out);
			}
			const { missing } = await readRun(out);
			if (missing)
				throw new UserError(
					`${out}: ${missing}; run the parts that are missing and merge again`,
				);
			const results = await resultsWithBar(out, {
				limit: flags.limit,
				signal: interruptSignal(),
				quiet: flags.json === true,
			});
			process.stdout.write(
				flags.json
					? `${JSON.stringify(results)}\n`
					: `\n${resultsTable(results)}`,
			);
		});
}
