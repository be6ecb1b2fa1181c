import { type Command, Option } from "commander";
import type { GenerateOptions } from "../pipeline/generateOptions.js";
import type { PipelineOptions } from "../pipeline/pipeline.js";
import { parsePlanFile } from "../propagation/planFile.js";
import { devices } from "../runtime/session.js";
import type { OpenModelOptions } from "../weights/folder/modelFiles.js";
import {
	parseNumber,
	parseSeed,
	parseWhole,
	readFlagFile,
} from "./parseFlag.js";

/** The flags of every command that draws, as commander hands them over. */
export interface GenerationFlags {
	readonly model?: string;
	readonly variant?: string;
	readonly revision?: string;
	readonly tokenizer?: string;
	readonly config?: string;
	readonly device?: PipelineOptions["device"];
	readonly threads?: number;
	readonly optimization?: PipelineOptions["optimization"];
	readonly keepResident?: boolean;
	readonly negativePrompt?: string;
	readonly width?: number;
	readonly height?: number;
	readonly steps?: number;
	readonly sampler?: string;
	readonly schedule?: string;
	readonly eta?: number;
	readonly guidanceScale?: number;
	readonly seed?: bigint;
	readonly numImages?: number;
	readonly batchSize?: number;
	readonly rng?: "cpu" | "cuda";
	readonly keySteps?: string;
	readonly injectNoise?: number;
	readonly injectUntil?: number;
	readonly maxDecodeBatch?: number;
	readonly clipSkip?: number;
	readonly promptWeighting?: boolean;
	readonly longPrompts?: boolean;
	readonly tiledDecoding?: boolean;
	readonly quiet?: boolean;
	readonly json?: boolean;
}

/** Adds the flags that say which model, and where it runs. */
export function addModelFlags(command: Command): Command {
	return command
		.option(
			"--model <dir|hub id|file>",
			"diffusers folder, Hub id (owner/name) or .safetensors checkpoint (default: the embedded model)",
		)
		.option("--variant <name>", "weight files to take, such as fp16")
		.option("--revision <name>", "branch, tag or commit of a Hub id")
		.option("--tokenizer <dir>", "tokenizer files for a single-file checkpoint")
		.option("--config <dir>", "diffusers configs for a single-file checkpoint")
		.addOption(
			new Option("--device <name>", "where the networks run").choices(devices),
		)
		.option("--threads <n>", "threads inside an operator", parseWhole)
		.addOption(
			new Option(
				"--optimization <level>",
				"extended loads fast, all runs faster",
			).choices(["auto", "extended", "all"]),
		)
		.option(
			"--keep-resident",
			"keep all networks in memory instead of making room for each other",
		);
}

/** Adds the flags that say what is drawn and how. */
export function addGenerationFlags(command: Command): Command {
	return addModelFlags(command)
		.option("--negative-prompt <text>", "what to steer away from")
		.option(
			"--width <pixels>",
			"default: what the model is trained at",
			parseWhole,
		)
		.option(
			"--height <pixels>",
			"default: what the model is trained at",
			parseWhole,
		)
		.option(
			"--steps <n>",
			"sampler steps (default: 20; 50 for ddim, ddpm and pndm; 4 for lcm and tcd)",
			parseWhole,
		)
		.option(
			"--sampler <name>",
			"ddim, dpm-solver, dpm-solver++, euler, euler-a, heun, lms, pndm, unipc, lcm, tcd, … or an A1111 name (default: dpm-solver++)",
		)
		.option(
			"--schedule <name>",
			"spacing of the noise levels: default, even, karras, exponential, ays",
		)
		.option(
			"--eta <x>",
			"share of fresh noise, 0 to 1: DDIM's eta (default 0), TCD's gamma (default 0.3)",
			parseNumber,
		)
		.option(
			"--guidance-scale <x>",
			"classifier-free guidance; 1 is off",
			parseNumber,
		)
		.option(
			"--seed <n>",
			"image n of a run has seed + n (default: random)",
			parseSeed,
		)
		.addOption(
			new Option(
				"--rng <name>",
				"whose random numbers: torch's on the CPU or on CUDA",
			).choices(["cpu", "cuda"]),
		)
		.option(
			"--key-steps <plan>",
			"all (plain), paper, auto, adaptive:X, uniform:K, deepcache:K, a list 0,1,2,5,… or a plan FILE.json (default: paper)",
		)
		.option(
			"--inject-noise <alpha>",
			"prior noise injection, 0 is off (default: 0.003 with propagation)",
			parseNumber,
		)
		.option(
			"--inject-until <tau>",
			"inject where timestep / 1000 is below this (default: 0.5)",
			parseNumber,
		)
		.option(
			"--max-decode-batch <n>",
			"the most decoder steps in one batch; 1 is one by one",
			parseWhole,
		)
		.option("--clip-skip <n>", "text encoder layers to leave out", parseWhole)
		.option("--prompt-weighting", "understand (word:1.3) and [word]")
		.option("--long-prompts", "encode prompts over 77 tokens in chunks")
		.option("--tiled-decoding", "decode the image in tiles, for large sizes")
		.option("--quiet", "no progress bar, no words")
		.option("--json", "one JSON object a line on stdout, nothing else there");
}

/** The options of the pipeline that the flags ask for. */
export function pipelineOptions(
	flags: GenerationFlags,
): PipelineOptions & OpenModelOptions {
	return {
		device: flags.device,
		threads: flags.threads,
		optimization: flags.optimization,
		keepResident: flags.keepResident,
		variant: flags.variant,
		revision: flags.revision,
		tokenizer: flags.tokenizer,
		config: flags.config,
	};
}

/**
 * The options of a run that the flags ask for; a plan file is read.
 * @throws UserError when a file that a flag names cannot be read
 */
export async function generateOptions(
	prompt: string,
	flags: GenerationFlags,
): Promise<GenerateOptions> {
	const { keySteps } = flags;
	return {
		prompt,
		negativePrompt: flags.negativePrompt,
		width: flags.width,
		height: flags.height,
		steps: flags.steps,
		sampler: flags.sampler,
		schedule: flags.schedule,
		eta: flags.eta,
		guidanceScale: flags.guidanceScale,
		seed: flags.seed,
		numImages: flags.numImages,
		batchSize: flags.batchSize,
		rng: flags.rng,
		keySteps: keySteps?.endsWith(".json")
			? parsePlanFile(
					(await readFlagFile("--key-steps", keySteps)).toString("utf8"),
					keySteps,
				)
			: keySteps,
		injectNoise: flags.injectNoise,
		injectUntil: flags.injectUntil,
		maxDecodeBatch: flags.maxDecodeBatch,
		clipSkip: flags.clipSkip,
		promptWeighting: flags.promptWeighting,
		longPrompts: flags.longPrompts,
		tiledDecoding: flags.tiledDecoding,
	};
}
