import { mkdir } from "node:fs/promises";
import { dirname, join, parse } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../errors/userError.js";
import { writeWhole } from "../files/nodeWriteWhole.js";
import { openLpips } from "../metrics/nodeLpips.js";
import { type LpipsTrunk, lpipsTrunks } from "../models/lpips.js";
import type { GenerateOptions } from "../pipeline/options.js";
import {
	type KeyStepPlan,
	planFromStates,
} from "../propagation/keyStepPlan.js";
import { parsePlanFile, planFromFile } from "../propagation/planFile.js";
import { autoPlan } from "../tuning/front/autoPlan.js";
import type { FrontPoint } from "../tuning/front/frontPoint.js";
import {
	frontJson,
	frontSvg,
	frontTable,
} from "../tuning/front/frontReport.js";
import { frontFindings, verdictText } from "../tuning/front/frontVerdict.js";
import {
	type TunedFor,
	tunedPlanFile,
	tunedPlanName,
} from "../tuning/front/tunedPlanFile.js";
import {
	readTuningState,
	writeTuningState,
} from "../tuning/runs/nodeTuningState.js";
import { splitPrompts } from "../tuning/runs/promptSplit.js";
import { parseTuningBudget } from "../tuning/runs/tuningBudget.js";
import { tuneInjection } from "../tuning/tuneInjection.js";
import { type TuneResult, tunePlans } from "../tuning/tunePlans.js";
import {
	addGenerationFlags,
	type GenerationFlags,
	generateOptions,
} from "./generationFlags.js";
import { interruptSignal } from "./interrupt.js";
import { openPipeline } from "./openPipeline.js";
import { parseNumber, parseWhole, readFlagFile } from "./parseFlag.js";
import { progressBar } from "./progressBar.js";
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
	"numImages",
	"batchSize",
	"maxDecodeBatch",
] as const;

const ADAPTIVE = [0.02, 0.04, 0.08, 0.15, 0.3];

/** `fdiff tune`: finds the plan of least error under a cost budget, and shows it among all others. */
export function addTuneCommand(program: Command): void {
	const command = program
		.command("tune")
		.description("find key steps (and cheaper states of steps) for a budget")
		.argument("[prompts...]", "prompts to tune on and to check with")
		.addHelpText("after", EXAMPLES);
	addGenerationFlags(command, { without: OWN_OPTIONS })
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
	for (const [flag, value] of [
		["--calibration", flags.calibration],
		["--held-out", flags.heldOut],
		["--reach", flags.reach],
	] as const)
		if (value < 1 || value > 10_000)
			throw new UserError(`${flag}: ${value} is not between 1 and 10000`, {
				code: "usage",
			});
	const budget = parseTuningBudget(flags.budget ?? "1.5x");
	const speedups = parseSpeedups(flags.speedups);
	const seed = flags.seed ?? 0n;
	const split = splitPrompts(prompts, flags, Number(seed % 2n ** 31n));
	const signal = interruptSignal();
	const pipeline = await openPipeline(flags, signal, { keepResident: true });
	const lpips = flags.lpipsWeights
		? await openLpips(flags.lpipsWeights, flags.lpipsTrunk, {
				threads: flags.threads,
			})
		: undefined;
	const objective = lpips
		? `sqrt(relative error of latents x LPIPS ${lpips.trunk} ${lpips.hash})`
		: "relative error of latents";
	const given = await generateOptions("", flags);
	const request = (steps?: number): GenerateOptions => ({
		...given,
		steps,
		seed,
		keySteps: "all",
		injectNoise: 0,
	});
	const settings = pipeline.settings(request(flags.steps));
	const { sampler, steps, guidanceScale } = settings;
	const base = join(dirname(flags.out), parse(flags.out).name);
	await mkdir(dirname(flags.out), { recursive: true });
	const statePath = flags.state ?? `${base}.state.json`;
	const state = await readTuningState(
		statePath,
		JSON.stringify([
			pipeline.hash,
			settings.options,
			flags.cost,
			flags.reach,
			flags.tablePrompts,
			split,
			// what was judged by another objective says nothing about this one
			...(lpips ? [objective] : []),
		]),
	);
	const run = {
		sampler: sampler.name,
		steps,
		evaluations: sampler.timesteps.length,
	};
	const starts: KeyStepPlan[] = [];
	for (const path of flags.start ?? []) {
		const { states, extrapolation } = planFromFile(
			parsePlanFile(
				(await readFlagFile("--start", path)).toString("utf8"),
				path,
			),
			run,
			path,
		);
		starts.push(
			planFromStates(states, run.evaluations, "tuned", extrapolation),
		);
	}
	let bar: ReturnType<typeof progressBar> | undefined;
	let stage = "";
	let result: TuneResult;
	try {
		result = await tunePlans({
			pipeline,
			settings,
			settingsFor: (count) => pipeline.settings(request(count)),
			...split,
			speedups,
			budget,
			cost: flags.cost,
			trials: flags.trials,
			tablePrompts: flags.tablePrompts,
			reach: Math.min(flags.reach, run.evaluations),
			comparisons: flags.comparisons,
			adaptive: ADAPTIVE,
			lpips,
			starts,
			state,
			save: (own) => writeTuningState(statePath, own),
			signal,
			onProgress(name, done, total) {
				const kind = name.startsWith("search") ? "searching" : name;
				if (kind !== stage) {
					bar?.stop();
					bar = progressBar({
						label: kind,
						total,
						unit: "it",
						quiet: flags.quiet,
					});
					stage = kind;
				}
				bar?.update(done, name === kind ? "" : name);
			},
		});
	} finally {
		bar?.stop();
		await writeTuningState(statePath, state);
	}
	const { points, chosen } = result;
	if (!chosen?.plan)
		throw new UserError(
			`--budget: no plan costs as little as ${flags.budget}; allow more`,
		);
	const auto = autoPlan(points);
	const tunedFor = (point: FrontPoint): TunedFor => ({
		model: pipeline.hash,
		sampler: sampler.name,
		steps,
		guidanceScale,
		seed,
		calibrationPrompts: split.calibration.length,
		heldOutPrompts: split.heldOut.length,
		costUnit: result.costs.unit,
		objective,
		auto: point === auto,
	});
	const injection = flags.tuneInjection
		? await tuneInjection({
				pipeline,
				settings,
				prompts: split.calibration,
				plan: chosen.plan,
				signal,
			})
		: undefined;
	const title = `${sampler.name}, ${steps} steps, ${pipeline.label}`;
	await writeWhole(
		flags.out,
		json(
			tunedPlanFile(chosen, {
				...tunedFor(chosen),
				injection: injection?.best,
			}),
		),
	);
	await writeWhole(`${base}.front.svg`, await frontSvg(points, title, "cost"));
	await writeWhole(
		`${base}.front-measured.svg`,
		await frontSvg(points, title, "seconds"),
	);
	await writeWhole(
		`${base}.front.json`,
		json({
			model: pipeline.hash,
			sampler: sampler.name,
			steps,
			guidanceScale,
			costs: {
				unit: result.costs.unit,
				...Object.fromEntries(result.costs.costs),
			},
			plainCost: result.plainCost,
			plainSeconds: result.plainSeconds,
			objective,
			prompts: split,
			points: frontJson(points),
			findings: {
				cost: frontFindings(points, "cost"),
				seconds: frontFindings(points, "seconds"),
			},
			...(injection ? { injection: injection.tried } : {}),
		}),
	);
	if (flags.plans)
		for (const point of points)
			if (point.series === "tuned")
				await writeWhole(
					join(flags.plans, tunedPlanName(point, tunedFor(point))),
					json(tunedPlanFile(point, tunedFor(point))),
					{ makeFolder: true },
				);
	await pipeline.release();
	await lpips?.release();
	if (flags.json)
		process.stdout.write(
			`${JSON.stringify({ plan: flags.out, points: frontJson(points) })}\n`,
		);
	else
		process.stdout.write(
			[
				title,
				frontTable(points),
				verdictText(points, "cost"),
				`${verdictText(points, "seconds")}\n(${split.heldOut.length} held-out prompts, each a round of all runs in turn; the plain run took ${result.plainSeconds.toFixed(3)} s)`,
				`${flags.out}: ${chosen.speedup.toFixed(2)}x by ${result.costs.unit}, ${chosen.measuredSpeedup.toFixed(2)}x measured, error ${chosen.error.estimate.toFixed(4)}${chosen.lpips === undefined ? "" : `, LPIPS ${chosen.lpips.toFixed(4)}`}\n`,
			].join("\n\n"),
		);
}

function parseSpeedups(list: string): number[] {
	return list.split(",").map((word) => {
		const value = parseNumber(word);
		if (value < 1 || value > 1000)
			throw new UserError(`--speedups: ${value} is not between 1 and 1000`, {
				code: "usage",
			});
		return value;
	});
}

const json = (value: unknown) => `${JSON.stringify(value, undefined, "\t")}\n`;
