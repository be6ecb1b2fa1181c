import { type Command, Option } from "commander";
import { OptionError } from "../errors/optionError.js";
import { PICTURE_OPTION_NAMES } from "../pipeline/pictureOptions.js";
import { NOT_STUDIED, NOT_STUDIED_MODELS } from "../pipeline/studied.js";
import { plottingPackages } from "../plots/vegaSvg.js";
import { qualityOf } from "../propagation/planQuality.js";
import {
	frontJson,
	frontTable,
	frontWords,
} from "../tuning/front/frontReport.js";
import { type Tuned, tuneIntoFiles } from "../tuning/nodeTune.js";
import {
	type PromptSplit,
	promptKey,
	splitPrompts,
} from "../tuning/runs/promptSplit.js";
import {
	TUNING_TARGETS,
	type TuningTarget,
	usualCalls,
} from "../tuning/tunePlans.js";
import {
	addGenerationFlags,
	type GenerationFlags,
	generateOptions,
	SEED_OF_MANY,
} from "./generationFlags.js";
import { interruptSignal } from "./interrupt.js";
import { openPipeline } from "./openPipeline.js";
import { writableFile, writableFolderAt } from "./outputPlace.js";
import { parseWhole } from "./parseFlag.js";
import { progressBars } from "./progressBars.js";
import { promptList } from "./promptList.js";

interface TuneFlags extends GenerationFlags {
	readonly captions?: string;
	readonly heldOutCaptions?: string;
	readonly calls?: string;
	readonly beside: string;
	readonly target: TuningTarget;
	readonly calibration: number;
	readonly heldOut: number;
	readonly candidates: number;
	readonly trials: number;
	readonly minutes: number;
	readonly out: string;
	readonly state?: string;
	readonly plans?: string;
}

const EXAMPLES = `
Examples:
  $ fdiff tune --sampler dpm-solver++ --steps 20 --captions captions.json --out plan.json
  $ fdiff tune --sampler ddim --steps 50 --calls 8,12,16 --captions prompts.txt --plans plans --out plan.json
  $ fdiff generate "a bowl of ramen" --key-steps plan.json

Broken off, the same command goes on where it ended (its state is beside --out).`;

/** What tuning decides itself, and what plans are not for. */
const OWN_OPTIONS = [
	"keySteps",
	"schedule",
	"injectNoise",
	"injectUntil",
	"initialNoise",
	...NOT_STUDIED,
	"numImages",
	"batchSize",
	"maxDecodeBatch",
	...PICTURE_OPTION_NAMES,
] as const;

/** `fdiff tune`: finds when the network is worth calling, and what to do in between, for fewer calls than a plain run has. */
export function addTuneCommand(program: Command): void {
	const command = program
		.command("tune")
		.description("find plans of fewer network calls for a model and a sampler")
		.argument("[prompts...]", "prompts to tune on and to check with")
		.addHelpText("after", EXAMPLES);
	addGenerationFlags(command, {
		without: OWN_OPTIONS,
		withoutModel: NOT_STUDIED_MODELS,
		help: { seed: SEED_OF_MANY },
	})
		.option(
			"--captions <file>",
			"prompts: a caption table (COCO JSON, CSV) or text, one a line",
		)
		.option(
			"--held-out-captions <file>",
			"prompts to check with, where they are not to be of the same list",
		)
		.option(
			"--calls <list>",
			"numbers of network calls that plans are wanted for (default: from 1.5 to 5 times fewer)",
		)
		.addOption(
			new Option(
				"--target <run>",
				"what plans are to come near to: the plain run, or one of 100 steps",
			)
				.choices(TUNING_TARGETS)
				.default("plain"),
		)
		.option(
			"--calibration <n>",
			"prompts to tune on; a third of them is a check inside the search",
			parseWhole,
			48,
		)
		.option(
			"--beside <plans>",
			"plans to hold beside those found, in the words of --key-steps with spaces between",
			"paper",
		)
		.option("--held-out <n>", "prompts to check with", parseWhole, 24)
		.option(
			"--candidates <n>",
			"times that are tried for each call; the plain run's own where it has more",
			parseWhole,
			48,
		)
		.option(
			"--trials <n>",
			"moves tried by local search for each number of calls",
			parseWhole,
			60,
		)
		.option(
			"--minutes <n>",
			"after how long local search stops at the latest",
			parseWhole,
			30,
		)
		.option(
			"--state <file>",
			"where the search keeps its state (default: beside --out)",
		)
		.option(
			"--plans <dir>",
			"write a plan for each quality here, for --key-steps auto",
		)
		.requiredOption(
			"--out <file.json>",
			"the plan of --quality; table and plot go beside it",
		)
		.action((words: string[], flags: TuneFlags) => tune(words, flags));
}

async function tune(words: string[], flags: TuneFlags): Promise<void> {
	for (const [option, least] of [
		["calibration", 2],
		["heldOut", 1],
		["candidates", 2],
	] as const)
		if (flags[option] < least || flags[option] > 1000)
			throw new OptionError(
				option,
				`${flags[option]} is not between ${least} and 1000`,
			);
	const { prompt: _, ...options } = await generateOptions("", flags);
	const seed = flags.seed ?? 0n;
	const split = await splitOf(words, flags, Number(seed % 2n ** 31n));
	const asked = flags.calls === undefined ? undefined : parseCalls(flags.calls);
	await writableFile("--out", flags.out, true);
	if (flags.state !== undefined)
		await writableFile("--state", flags.state, true);
	if (flags.plans !== undefined) await writableFolderAt("--plans", flags.plans);
	await plottingPackages();
	const signal = interruptSignal();
	const { threads, device, optimization } = flags;
	const pipeline = await openPipeline(flags, signal, { keepResident: true });
	const bars = progressBars(flags.quiet === true);
	try {
		const own = { ...options, seed };
		const { steps } = pipeline.settings({
			...own,
			prompt: "",
			keySteps: "all",
		});
		const tuned = await tuneIntoFiles({
			pipeline,
			...split,
			options: own,
			engine: { device, threads, optimization },
			...(pipeline.precision !== "float32" && {
				openJudge: () =>
					openPipeline({ ...flags, precision: "float32" }, signal, {
						keepResident: true,
					}),
			}),
			calls: asked ?? usualCalls(steps),
			beside: flags.beside.split(/\s+/).filter(Boolean),
			target: flags.target,
			candidates: flags.candidates,
			trials: flags.trials,
			minutes: flags.minutes,
			out: flags.out,
			statePath: flags.state,
			plansFolder: flags.plans,
			signal,
			onProgress: bars.update,
		});
		bars.stop();
		process.stdout.write(
			flags.json
				? `${JSON.stringify({ plan: flags.out, points: frontJson(tuned.points) })}\n`
				: tuneWords(tuned, flags.out),
		);
	} finally {
		bars.stop();
		await pipeline.release();
	}
}

async function splitOf(
	words: readonly string[],
	{ captions, heldOutCaptions, calibration, heldOut }: TuneFlags,
	seed: number,
): Promise<PromptSplit> {
	const prompts = await promptList(words, captions, "tune");
	if (heldOutCaptions === undefined)
		return splitPrompts(prompts, { calibration, heldOut }, seed);
	const others = await promptList([], heldOutCaptions, "tune");
	const known = new Set(prompts.map(promptKey));
	return {
		...splitPrompts(prompts, { calibration, heldOut: 0 }, seed),
		heldOut: splitPrompts(
			others.filter((prompt) => !known.has(promptKey(prompt))),
			{ calibration: 0, heldOut },
			seed,
		).heldOut,
	};
}

function tuneWords(
	{ title, points, chosen, written }: Tuned,
	out: string,
): string {
	const { psnr, calls } = written;
	return [
		title,
		frontTable(points),
		frontWords(points),
		...[...chosen].map(
			([quality, point]) =>
				`${quality}: ${point.calls} calls, ${near(point.psnr)}`,
		),
		`${out}: ${calls} calls, ${near(psnr)}, quality ${qualityOf(psnr) ?? "below all"}\n`,
	].join("\n\n");
}

const near = ({ median, tenth }: { median: number; tenth: number }) =>
	`PSNR to plain ${median.toFixed(1)} dB in the median, ${tenth.toFixed(1)} dB in the tenth percentile`;

function parseCalls(list: string): number[] {
	const calls = list.split(",").map((word) => {
		const count = /^\s*\d{1,9}\s*$/.test(word) ? Number(word) : Number.NaN;
		if (!(count >= 2 && count <= 200))
			throw new OptionError(
				"calls",
				`${word.trim().slice(0, 60)} is not between 2 and 200`,
			);
		return count;
	});
	return [...new Set(calls)].sort((a, b) => a - b);
}
