import { type Command, Option } from "commander";
import { OptionError } from "../errors/optionError.js";
import { openLpips } from "../metrics/nodeLpips.js";
import { type LpipsTrunk, lpipsTrunks } from "../models/lpips.js";
import { PICTURE_OPTION_NAMES } from "../pipeline/pictureOptions.js";
import { plottingPackages } from "../plots/vegaSvg.js";
import { type PlanFile, parsePlanFile } from "../propagation/planFile.js";
import { openTogether } from "../runtime/openTogether.js";
import { frontJson, frontTable } from "../tuning/front/frontReport.js";
import { verdictText } from "../tuning/front/frontVerdict.js";
import { type Tuned, tuneIntoFiles } from "../tuning/nodeTune.js";
import { splitPrompts } from "../tuning/runs/promptSplit.js";
import { parseTuningBudget } from "../tuning/runs/tuningBudget.js";
import {
	addGenerationFlags,
	type GenerationFlags,
	generateOptions,
	SEED_OF_MANY,
} from "./generationFlags.js";
import { interruptSignal } from "./interrupt.js";
import { openPipeline } from "./openPipeline.js";
import { parseNumber, parseWhole, readFlagFile } from "./parseFlag.js";
import { progressBars } from "./progressBars.js";
import { promptList } from "./promptList.js";

interface TuneFlags extends GenerationFlags {
	readonly captions?: string;
	readonly budget?: string;
	readonly cost: "measured" | "flops";
	readonly calibration: number;
	readonly heldOut: number;
	readonly tablePrompts: number;
	readonly trials: number;
	readonly reach: number;
	readonly speedups: string;
	readonly out: string;
	readonly state?: string;
	readonly comparisons: "all" | "few";
	readonly start?: readonly string[];
	readonly plans?: string;
	readonly tuneInjection?: boolean;
	readonly lpipsWeights?: readonly string[];
	readonly lpipsTrunk: LpipsTrunk;
}

const EXAMPLES = `
Examples:
  $ fdiff tune --sampler dpm-solver++ --steps 20 --budget 1.5x --captions captions.json --out plan.json
  $ fdiff tune --sampler ddim --steps 50 --budget 2TFLOP --cost flops --captions prompts.txt --out plan.json
  $ fdiff generate "a bowl of ramen" --key-steps plan.json

Broken off, the same command goes on where it ended (its state is beside --out).`;

/** What tuning decides itself. */
const OWN_OPTIONS = [
	"keySteps",
	"injectNoise",
	"injectUntil",
	"initialNoise",
	"loras",
	"embeddings",
	"numImages",
	"batchSize",
	"maxDecodeBatch",
	...PICTURE_OPTION_NAMES,
] as const;

/** `fdiff tune`: finds the plan of least error under a cost budget, and shows it among all others. */
export function addTuneCommand(program: Command): void {
	const command = program
		.command("tune")
		.description("find key steps (and cheaper states of steps) for a budget")
		.argument("[prompts...]", "prompts to tune on and to check with")
		.addHelpText("after", EXAMPLES);
	addGenerationFlags(command, {
		without: OWN_OPTIONS,
		help: { seed: SEED_OF_MANY },
	})
		.option(
			"--captions <file>",
			"prompts: a caption table (COCO JSON, CSV) or text, one a line",
		)
		.option(
			"--budget <cost>",
			"1.5x, 0.6s or 2TFLOP: what the plan of --out may cost (default: 1.5x)",
		)
		.addOption(
			new Option("--cost <kind>", "what steps cost: measured here, or counted")
				.choices(["measured", "flops"])
				.default("measured"),
		)
		.option("--calibration <n>", "prompts to tune on", parseWhole, 3)
		.option("--held-out <n>", "prompts to check with", parseWhole, 6)
		.option(
			"--table-prompts <n>",
			"prompts that error tables are made of (0: search from --start only)",
			parseWhole,
			2,
		)
		.option(
			"--trials <n>",
			"plans tried by local search for each budget",
			parseWhole,
			16,
		)
		.option("--reach <n>", "the most steps between key steps", parseWhole, 8)
		.option(
			"--speedups <list>",
			"budgets of the front, times faster than plain",
			"1.1,1.2,1.35,1.5,1.75,2,2.5,3,4",
		)
		.addOption(
			new Option(
				"--comparisons <extent>",
				"what tuned plans are compared with: all, or few (the paper's plan, fewer steps)",
			)
				.choices(["all", "few"])
				.default("all"),
		)
		.option("--start <files...>", "plans to begin the search with")
		.option(
			"--state <file>",
			"where the search keeps its state (default: beside --out)",
		)
		.option(
			"--plans <dir>",
			"write the plans of all budgets here, for --key-steps auto",
		)
		.option(
			"--tune-injection",
			"also find alpha and tau that match the plain run's spectrum",
		)
		.option(
			"--lpips-weights <files...>",
			"weights of the trunk and of LPIPS: judge plans by their images too",
		)
		.addOption(
			new Option("--lpips-trunk <name>", "network of LPIPS")
				.choices(lpipsTrunks)
				.default("alex"),
		)
		.requiredOption(
			"--out <file.json>",
			"the plan; tables and plots go beside it",
		)
		.action((words: string[], flags: TuneFlags) => tune(words, flags));
}

async function tune(words: string[], flags: TuneFlags): Promise<void> {
	const prompts = await promptList(words, flags.captions, "tune");
	for (const option of ["calibration", "heldOut", "reach"] as const)
		if (flags[option] < 1 || flags[option] > 10_000)
			throw new OptionError(
				option,
				`${flags[option]} is not between 1 and 10000`,
			);
	const budget = parseTuningBudget(flags.budget ?? "1.5x");
	const speedups = parseSpeedups(flags.speedups);
	const { prompt: _, ...options } = await generateOptions("", flags);
	const seed = flags.seed ?? 0n;
	const split = splitPrompts(prompts, flags, Number(seed % 2n ** 31n));
	const starts: { name: string; file: PlanFile }[] = [];
	for (const path of flags.start ?? [])
		starts.push({
			name: path,
			file: parsePlanFile(
				(await readFlagFile("--start", path)).toString("utf8"),
				path,
			),
		});
	await plottingPackages();
	const signal = interruptSignal();
	const { threads, device, optimization } = flags;
	const opened = await openTogether(async (keep) => ({
		pipeline: keep(await openPipeline(flags, signal, { keepResident: true })),
		lpips:
			flags.lpipsWeights &&
			keep(await openLpips(flags.lpipsWeights, flags.lpipsTrunk, { threads })),
	}));
	const bars = progressBars(flags.quiet === true);
	try {
		const tuned = await tuneIntoFiles({
			...opened,
			...split,
			options: { ...options, seed },
			engine: { device, threads, optimization },
			budget,
			speedups,
			cost: flags.cost,
			trials: flags.trials,
			tablePrompts: flags.tablePrompts,
			reach: flags.reach,
			comparisons: flags.comparisons,
			starts,
			tuneInjection: flags.tuneInjection === true,
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
		await opened.release();
	}
}

function tuneWords(
	{ title, points, costs, chosen, heldOut, plainSeconds }: Tuned,
	out: string,
): string {
	return [
		title,
		frontTable(points),
		verdictText(points, "cost"),
		`${verdictText(points, "seconds")}\n(${heldOut.length} held-out prompts, each a round of all runs in turn; the plain run took ${plainSeconds.toFixed(3)} s)`,
		`${out}: ${chosen.speedup.toFixed(2)}x by ${costs.unit}, ${chosen.measuredSpeedup.toFixed(2)}x measured, error ${chosen.error.estimate.toFixed(4)}${chosen.lpips === undefined ? "" : `, LPIPS ${chosen.lpips.toFixed(4)}`}\n`,
	].join("\n\n");
}

function parseSpeedups(list: string): number[] {
	return list.split(",").map((word) => {
		const value = parseNumber(word);
		if (value < 1 || value > 1000)
			throw new OptionError("speedups", `${value} is not between 1 and 1000`);
		return value;
	});
}
