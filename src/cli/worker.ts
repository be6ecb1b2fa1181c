import type { Command } from "commander";
import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";
import { runQueueWorker } from "../evaluation/queue/nodeQueueWorker.js";
import { MODEL_OPTIONS } from "../pipeline/modelOptions.js";
import { pipelineOptions } from "./generationFlags.js";
import { interruptSignal } from "./interrupt.js";
import { addOptionFlags } from "./optionFlags.js";
import { parseNumber } from "./parseFlag.js";
import {
	addScoringFlags,
	type ScoringFlags,
	scoringOptions,
} from "./scoringFlags.js";
import { addShelfFlags, openShelf, type ShelfFlags } from "./serve.js";

interface WorkerFlags extends ShelfFlags, ScoringFlags {
	readonly queue: string;
	readonly serve?: boolean;
	readonly stalledAfter?: number;
}

/** Adds `worker` to the program. */
export function addWorkerCommand(program: Command): void {
	const command = program
		.command("worker")
		.description(
			"draw for fdiff evaluate --queue, or for fdiff serve --queue, on as many machines as you like",
		)
		.requiredOption("--queue <url>", "Redis or Valkey: redis://HOST:PORT")
		.option("--serve", "for fdiff serve --queue, not for evaluations")
		.option(
			"--stalled-after <seconds>",
			"a worker that is silent for so long is given up; longer than one network call (default: 300; 30 with --serve)",
			parseNumber,
		)
		.option("--quiet", "no words")
		.addHelpText(
			"after",
			`
Examples:
  $ fdiff worker --queue redis://host:6379                    for evaluations of the embedded model
  $ fdiff worker --queue redis://host:6379 --model stable-diffusion-v1-5/stable-diffusion-v1-5
  $ fdiff worker --serve --queue redis://host:6379            for servers of the embedded model

For servers: models and their names must be those of the server. For evaluations: model and judging networks must
be those of the evaluation; captions of others are left alone. Stop it in any way: what was under way is drawn by another
worker.`,
		)
		.action(runWorker);
	addScoringFlags(command);
	addShelfFlags(command);
	addOptionFlags(command, MODEL_OPTIONS, ["keepResident"]);
}

async function runWorker(flags: WorkerFlags): Promise<void> {
	const { stalledAfter = flags.serve ? 30 : 300 } = flags;
	if (!(stalledAfter >= 1))
		throw new UserError("--stalled-after: at least 1 second", {
			code: "usage",
		});
	const signal = interruptSignal();
	if (flags.serve) await serveJobs({ ...flags, stalledAfter }, signal);
	else await evaluateJobs({ ...flags, stalledAfter }, signal);
	// bullmq's timers look for ever for a server that is gone
	process.exit();
}

async function evaluateJobs(
	flags: WorkerFlags & { readonly stalledAfter: number },
	signal: AbortSignal,
): Promise<void> {
	const { stalledAfter } = flags;
	const [model, ...more] = flags.model ?? [];
	if (more.length > 0)
		throw new OptionError("model", "an evaluation is of one model");
	await runQueueWorker({
		url: flags.queue,
		model,
		modelOptions: pipelineOptions({ ...flags, model }),
		// as evaluate decides for its own set
		scoring: scoringOptions(flags, model === undefined),
		stalledAfter,
		signal,
		onNote: noteOf(flags),
	});
}

async function serveJobs(
	flags: WorkerFlags & { readonly stalledAfter: number },
	signal: AbortSignal,
): Promise<void> {
	const { runServeWorker } = await import("../server/workers/serveWorker.js");
	const { drawLocally } = await import("../server/drawLocally.js");
	const shelf = await openShelf(flags, signal);
	try {
		await runServeWorker({
			url: flags.queue,
			shelf,
			runner: drawLocally(shelf),
			stalledAfter: flags.stalledAfter,
			signal,
			onNote: noteOf(flags),
		});
	} finally {
		await shelf.release();
	}
}

const noteOf =
	({ quiet }: Pick<WorkerFlags, "quiet">) =>
	(line: string): void => {
		if (!quiet) process.stderr.write(`${line}\n`);
	};
