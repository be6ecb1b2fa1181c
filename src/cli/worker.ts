import { join } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../errors/userError.js";
import { runQueueWorker } from "../evaluation/nodeQueueWorker.js";
import {
	type FidVariant,
	fidVariants,
} from "../metrics/inceptionPreprocessing.js";
import { type LpipsTrunk, lpipsTrunks } from "../models/lpips.js";
import { embeddedModelsFolder } from "../weights/nodeEmbeddedModels.js";
import {
	addModelFlags,
	type GenerationFlags,
	pipelineOptions,
} from "./generationFlags.js";
import { interruptSignal } from "./interrupt.js";
import { parseNumber } from "./parseFlag.js";

interface WorkerFlags extends GenerationFlags {
	readonly queue: string;
	readonly clip?: string | false;
	readonly fid?: FidVariant | "none";
	readonly inceptionWeights?: string;
	readonly lpipsWeights?: string[];
	readonly lpipsTrunk: LpipsTrunk;
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
		.option("--clip <dir|hub id>", "CLIP model that scores, as in evaluate")
		.option("--no-clip", "no CLIP score, as in evaluate")
		.addOption(
			new Option("--fid <variant>", "whose FID, as in evaluate").choices([
				...fidVariants,
				"none",
			]),
		)
		.option(
			"--inception-weights <file>",
			"FID's Inception (.pth, .safetensors)",
		)
		.option(
			"--lpips-weights <file...>",
			"LPIPS to the plain image: weights of its trunk and its own, as in evaluate",
		)
		.addOption(
			new Option("--lpips-trunk <name>", "network of LPIPS, as in evaluate")
				.choices(lpipsTrunks)
				.default("alex"),
		)
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
	addModelFlags(command);
}

async function runWorker(flags: WorkerFlags): Promise<void> {
	if (!(flags.stalledAfter >= 1))
		throw new UserError("--stalled-after: at least 1 second", 2);
	// as evaluate decides: its own judges for the embedded model, Inception and CLIP B/32 for others
	const embedded = flags.model === undefined;
	const fid = flags.fid ?? (embedded ? "none" : "torch-fidelity");
	const clip =
		flags.clip === false
			? undefined
			: (flags.clip ??
				(embedded
					? join(embeddedModelsFolder, "emoji-clip")
					: "openai/clip-vit-base-patch32"));
	const signal = interruptSignal();
	await runQueueWorker({
		url: flags.queue,
		model: flags.model ?? "emoji",
		modelOptions: pipelineOptions(flags),
		scoring: {
			clip,
			...(fid === "none" ? {} : { fid }),
			inceptionWeights: flags.inceptionWeights,
			...(flags.lpipsWeights
				? { lpips: { trunk: flags.lpipsTrunk, files: flags.lpipsWeights } }
				: {}),
			device: flags.device,
			threads: flags.threads,
		},
		stalledAfter: flags.stalledAfter,
		signal,
		onNote: (line) => {
			if (!flags.quiet) process.stderr.write(`${line}\n`);
		},
	});
}
