import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { problemLines } from "../datasets/captionedImages.js";
import { UserError } from "../errors/userError.js";
import {
	COMMON_OPTIONS,
	givenOf,
} from "../evaluation/methods/commonOptions.js";
import {
	METHOD_USAGE,
	type Method,
	parseMethodFile,
	parseMethods,
} from "../evaluation/methods/method.js";

import { methodPresets } from "../evaluation/methods/methodPresets.js";
import { readRun } from "../evaluation/results/nodeWriteResults.js";
import { resultsTable } from "../evaluation/results/resultsTable.js";
import { drawMissing } from "../evaluation/run/nodeDrawMissing.js";
import {
	type EvaluationProgress,
	type EvaluationRequest,
	NOT_EVALUATED,
	prepareRun,
	type Shard,
} from "../evaluation/run/nodePrepareRun.js";
import { GENERATION_OPTIONS } from "../pipeline/options.js";
import { plottingPackages } from "../plots/vegaSvg.js";
import { embeddedFolder } from "../weights/nodeEmbeddedModels.js";
import { brokenLimitOption, checkBrokenLimit } from "./brokenLimit.js";
import {
	addModelFlags,
	type GenerationFlags,
	pipelineOptions,
} from "./generationFlags.js";
import { interruptSignal } from "./interrupt.js";
import { addOptionFlags, readTextOf } from "./optionFlags.js";
import { parseSeed, parseWhole } from "./parseFlag.js";
import { progressBars } from "./progressBars.js";
import { resultsWithBar } from "./resultsWithBar.js";
import {
	addScoringFlags,
	type ScoringFlags,
	scoringOptions,
} from "./scoringFlags.js";

interface EvaluateFlags extends GenerationFlags, ScoringFlags {
	readonly protocol: string;
	readonly methods: string;
	readonly out: string;
	readonly dataset?: string;
	readonly images?: string;
	readonly captions?: string;
	readonly keepImages?: number;
	readonly limit: number;
	readonly shard?: Shard;
	readonly queue?: string;
}

const wrapped = (text: string) => text.replace(/(.{80,110},) /g, "$1\n");

const EXAMPLES = `
Examples:
  $ fdiff evaluate --protocol embedded --methods study --out out/embedded      the embedded model, offline, minutes
  $ fdiff evaluate --protocol val-5k --methods honest --out out/val-5k \\
      --model stable-diffusion-v1-5/stable-diffusion-v1-5 --dataset coco
  $ fdiff evaluate … --shard 3/16                                              the third of 16 parts; fdiff merge joins them
  $ fdiff evaluate … --queue redis://host:6379                                 drawn by fdiff worker --queue … anywhere

Methods: SAMPLER-STEPS, then what differs from plain sampling after plus signs:
${wrapped(METHOD_USAGE.map(({ usage }) => usage).join(", "))};
presets ${Object.keys(methodPresets).join(", ")}; or a FILE.json.
Stop it in any way and run it again: it goes on where it stopped.`;

/** Adds `evaluate` to the program. */
export function addEvaluateCommand(program: Command): void {
	const command = program
		.command("evaluate")
		.description("the study's table: quality and time of methods on captions")
		.requiredOption(
			"--protocol <name>",
			"embedded, smoke-N, val-5k, paper-10k or every-image",
		)
		.option("--methods <list>", "methods, presets or FILE.json", "study")
		.requiredOption("--out <dir>", "run folder, made or taken up")
		.option(
			"--dataset <dir>",
			"COCO's folder, or images with captions (default: the embedded model's set)",
		)
		.option("--images <dir|zip>", "real images")
		.option("--captions <file>", "captions: COCO JSON, JSON, JSONL, CSV")
		.option(
			"--seed <n>",
			"seed of the first caption; the others follow (default: 0)",
			parseSeed,
		)
		.option(
			"--keep-images <n|all>",
			"keep the images of so many captions (default: all up to 5,000 images, else of 16 captions)",
			parseKeepImages,
		)
		.addOption(brokenLimitOption())
		.option("--shard <i/n>", "one of n parts, 1-based", parseShard)
		.option(
			"--queue <url>",
			"hand the drawing to workers, over Redis or Valkey",
		)
		.option("--quiet", "no progress bar, no words")
		.option("--json", "results as JSON on stdout, nothing else there")
		.addHelpText("after", EXAMPLES)
		.action(runEvaluate);
	addOptionFlags(command, GENERATION_OPTIONS, COMMON_OPTIONS);
	addScoringFlags(command);
	addModelFlags(command, NOT_EVALUATED);
}

async function runEvaluate(flags: EvaluateFlags): Promise<void> {
	const signal = interruptSignal();
	const { out, quiet = false, json = false } = flags;
	const say = (line: string) => {
		if (!quiet) process.stderr.write(`${line}\n`);
	};
	const request = await evaluationRequest(flags, signal);
	if (flags.queue && flags.shard)
		throw new UserError("--queue and --shard: take one of them", {
			code: "usage",
		});
	const progress = progressReporter(quiet || json);
	await plottingPackages();
	const run = await prepareRun({
		...request,
		onNote: say,
		onProgress: progress.update,
	});
	try {
		for (const line of problemLines(run.dataset.problems))
			say(`${run.dataset.label}: ${line}`);
		for (const { name, run: steps, fewer } of run.methods)
			if (fewer) say(`${name}: ${steps} steps`);
		if (flags.queue) {
			const { drawByQueue } = await import("../evaluation/queue/nodeQueue.js");
			await drawByQueue(run, { url: flags.queue });
		} else await drawMissing(run);
	} finally {
		progress.stop();
		await run.release();
	}
	const { missing } = await readRun(out);
	if (missing) {
		say(
			`${out}: this part is done; ${missing}. When all parts are done: fdiff merge ${out}`,
		);
		return;
	}
	const results = await resultsWithBar(out, {
		session: { threads: flags.threads },
		limit: flags.limit,
		signal,
		quiet: quiet || json,
	});
	if (json) process.stdout.write(`${JSON.stringify(results)}\n`);
	else {
		process.stdout.write(`\n${resultsTable(results)}`);
		say(`Report: ${join(out, "report.html")}`);
	}
}

/** What the flags ask for. @throws UserError when they do not go together or a file cannot be read */
async function evaluationRequest(
	flags: EvaluateFlags,
	signal: AbortSignal,
): Promise<EvaluationRequest> {
	const embeddedSet = !flags.dataset && !flags.images && !flags.captions;
	if (flags.protocol === "embedded" && !embeddedSet)
		throw new UserError(
			"--protocol embedded is of the embedded model's own images; with --dataset, --images or --captions use every-image or smoke-N",
			{ code: "usage" },
		);
	checkBrokenLimit(flags.limit);
	const seed = flags.seed ?? 0n;
	if (seed < 0n || seed > BigInt(Number.MAX_SAFE_INTEGER) / 2n)
		throw new UserError(`--seed: ${seed} is negative or too large`, {
			code: "usage",
		});
	const methods: Method[] = flags.methods.endsWith(".json")
		? parseMethodFile(await readTextOf("methods", flags.methods), flags.methods)
		: parseMethods(flags.methods);
	return {
		out: flags.out,
		protocol: flags.protocol === "embedded" ? "every-image" : flags.protocol,
		dataset: embeddedSet
			? { folder: join(embeddedFolder, "eval") }
			: {
					folder: flags.dataset,
					images: flags.images,
					captions: flags.captions,
				},
		methods,
		model: flags.model,
		modelOptions: { ...pipelineOptions(flags), signal },
		scoring: scoringOptions(flags, embeddedSet),
		common: givenOf(flags, COMMON_OPTIONS),
		seed: Number(seed),
		keepImages: flags.keepImages ?? -1,
		limit: flags.limit,
		shard: flags.shard,
		signal,
	};
}

function parseKeepImages(word: string): number {
	const kept = word === "all" ? Number.POSITIVE_INFINITY : parseWhole(word);
	if (kept < 0) throw new InvalidArgumentError(`"${word}" is less than 0.`);
	return kept;
}

function parseShard(word: string): Shard {
	const match = /^(\d{1,6})\/(\d{1,6})$/.exec(word);
	const [index, count] = [Number(match?.[1]), Number(match?.[2])];
	if (!match || index < 1 || index > count)
		throw new InvalidArgumentError(`"${word}" is no part such as 3/16.`);
	return { index: index - 1, count };
}

/** Bars with each method's running CLIP score and seconds behind them. */
function progressReporter(quiet: boolean): {
	update(progress: EvaluationProgress): void;
	stop(): void;
} {
	const bars = progressBars(quiet);
	const sums = new Map<string, { n: number; clip: number; seconds: number }>();
	return {
		update({ record, ...progress }) {
			if (record) {
				const sum = sums.get(record.method) ?? { n: 0, clip: 0, seconds: 0 };
				sum.n++;
				sum.clip += 2.5 * Math.max(0, record.prefixedCosine ?? 0);
				sum.seconds += record.cost.seconds;
				sums.set(record.method, sum);
			}
			const note = [...sums]
				.map(
					([name, { n, clip, seconds }]) =>
						`${name} ${(clip / n).toFixed(3)} ${(seconds / n).toFixed(2)}s`,
				)
				.join(" | ");
			bars.update({ ...progress, note });
		},
		stop: bars.stop,
	};
}
