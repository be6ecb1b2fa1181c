import type { Command } from "commander";
import { UserError } from "../errors/userError.js";
import { runQueueWorker } from "../evaluation/queue/nodeQueueWorker.js";
import {
	addModelFlags,
	type ModelFlags,
	pipelineOptions,
} from "./generationFlags.js";
import { interruptSignal } from "./interrupt.js";
import { parseNumber } from "./parseFlag.js";
import {
	addScoringFlags,
	type ScoringFlags,
	scoringOptions,
} from "./scoringFlags.js";

interface WorkerFlags extends ModelFlags, ScoringFlags {
	readonly queue: string;
	readonly stalledAfter: number;
}

/** Adds `worker` to the program. */
export function addWorkerCommand(program: Command): void {
	const command = program
		.command("worker")
		.description(
			"draw for fdiff evaluate --queue, on as many machines as you like",
		)
		.requiredOption("--queue <url>", "Redis or Valkey: redis://HOST:PORT")
		.option(
			"--stalled-after <seconds>",
			"a worker that is silent for so long is given up; longer than one network call",
			parseNumber,
			300,
		)
		.option("--quiet", "no words")
		.addHelpText(
			"after",
			`
Examples:
  $ fdiff worker --queue redis://host:6379                    for evaluations of the embedded model
  $ fdiff worker --queue redis://host:6379 --model stable-diffusion-v1-5/stable-diffusion-v1-5

Model and judging networks must be those of the evaluation; captions of others are left alone. Stop it in any way: what
was under way is drawn by another worker.`,
		)
		.action(runWorker);
	addScoringFlags(command);
	addModelFlags(command);
}

async function runWorker(flags: WorkerFlags): Promise<void> {
	if (!(flags.stalledAfter >= 1))
		throw new UserError("--stalled-after: at least 1 second", {
			code: "usage",
		});
	const signal = interruptSignal();
	await runQueueWorker({
		url: flags.queue,
		model: flags.model,
		modelOptions: pipelineOptions(flags),
		// as evaluate decides for its own set
		scoring: scoringOptions(flags, flags.model === undefined),
		stalledAfter: flags.stalledAfter,
		signal,
		onNote: (line) => {
			if (!flags.quiet) process.stderr.write(`${line}\n`);
		},
	});
}
