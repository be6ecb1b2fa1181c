import type { Command } from "commander";
import {
	analyzePrompts,
	OPTIONS_OF_ITS_OWN,
} from "../analysis/analyzePrompts.js";
import {
	verdictSentences,
	writeAnalysisReport,
} from "../analysis/nodeAnalysisReport.js";
import { UserError } from "../errors/userError.js";
import { PICTURE_OPTION_NAMES } from "../pipeline/pictureOptions.js";
import { NOT_STUDIED, NOT_STUDIED_MODELS } from "../pipeline/studied.js";
import { plottingPackages } from "../plots/vegaSvg.js";
import {
	addGenerationFlags,
	type GenerationFlags,
	generateOptions,
	SEED_OF_MANY,
} from "./generationFlags.js";
import { interruptSignal } from "./interrupt.js";
import { openPipeline } from "./openPipeline.js";
import { writableFolderAt } from "./outputPlace.js";
import { parseWhole } from "./parseFlag.js";
import { progressBars } from "./progressBars.js";
import { promptList } from "./promptList.js";

interface AnalyzeFlags extends GenerationFlags {
	readonly captions?: string;
	readonly limit: number;
	readonly shown: number;
	readonly out: string;
}

const EXAMPLES = `
Examples:
  $ fdiff analyze "a bowl of ramen" "a red apple" --out analysis/
  $ fdiff analyze --captions captions_val2017.json --limit 16 --sampler ddim --steps 50 --out analysis/

The folder gets report.html (one self-contained page), plots as SVG and PNG, and all numbers as CSV, JSON and .npy.`;

/** `fdiff analyze`: how much the features of each block change from step to step. */
export function addAnalyzeCommand(program: Command): void {
	const command = program
		.command("analyze")
		.description("measure how the features of each block change over the steps")
		.argument("[prompts...]", "what to draw, one run each")
		.addHelpText("after", EXAMPLES);
	addGenerationFlags(command, {
		without: [
			"numImages",
			"batchSize",
			"initialNoise",
			...OPTIONS_OF_ITS_OWN,
			...PICTURE_OPTION_NAMES,
			...NOT_STUDIED,
		],
		withoutModel: NOT_STUDIED_MODELS,
		help: { seed: SEED_OF_MANY },
	})
		.option(
			"--captions <file>",
			"prompts: a caption table (COCO JSON, CSV) or text, one a line",
		)
		.option("--limit <n>", "the most prompts to take", parseWhole, 8)
		.option(
			"--shown <n>",
			"steps that pictures and spectra are made of",
			parseWhole,
			8,
		)
		.requiredOption("--out <dir>", "folder for the report")
		.action((words: string[], flags: AnalyzeFlags) => analyze(words, flags));
}

async function analyze(words: string[], flags: AnalyzeFlags): Promise<void> {
	if (flags.limit < 1)
		throw new UserError(`--limit: ${flags.limit} is less than 1`, {
			code: "usage",
		});
	if (flags.shown < 1)
		throw new UserError(`--shown: ${flags.shown} is less than 1`, {
			code: "usage",
		});
	const prompts = (await promptList(words, flags.captions, "analyze")).slice(
		0,
		flags.limit,
	);
	await writableFolderAt("--out", flags.out);
	await plottingPackages();
	const signal = interruptSignal();
	const pipeline = await openPipeline(flags, signal);
	const { prompt: _, ...request } = await generateOptions("", flags);
	const bar = progressBars(flags.quiet === true);
	let analysis: Awaited<ReturnType<typeof analyzePrompts>>;
	try {
		analysis = await analyzePrompts(pipeline, {
			prompts,
			request: { ...request, seed: flags.seed ?? 0n },
			shown: flags.shown,
			onProgress: bar.update,
			signal,
		});
	} finally {
		bar.stop();
	}
	await pipeline.release();
	await writeAnalysisReport(analysis, flags.out, {
		model: pipeline.label,
		modelHash: pipeline.hash,
	});
	const sentences = verdictSentences(analysis);
	process.stdout.write(
		flags.json
			? `${JSON.stringify({ out: flags.out, verdicts: analysis.verdicts, sentences })}\n`
			: `${sentences.join("\n")}\n${flags.out}: report.html\n`,
	);
}
