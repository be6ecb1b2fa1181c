import type { Command } from "commander";
import { MODEL_OPTIONS, type ModelOption } from "../pipeline/modelOptions.js";
import type { LoadOptions } from "../pipeline/nodeLoadPipeline.js";
import {
	GENERATION_OPTIONS,
	type GenerateOptions,
	type GenerationOption,
} from "../pipeline/options.js";
import { parsePlanFile } from "../propagation/planFile.js";
import { addOptionFlags, optionsOfFlags, readTextOf } from "./optionFlags.js";

/** The flags that say which model is run, and where. */
export interface ModelFlags extends LoadOptions {
	readonly model?: string;
	readonly quiet?: boolean;
	readonly json?: boolean;
}

/** The flags of the commands that draw, as commander hands them over: words, numbers, and paths of files. */
export interface GenerationFlags
	extends ModelFlags,
		Omit<
			GenerateOptions,
			| "prompt"
			| "seed"
			| "keySteps"
			| "initialNoise"
			| "initImage"
			| "mask"
			| "controlImage"
			| "denoiser"
			| "signal"
		> {
	readonly seed?: bigint;
	readonly keySteps?: string;
	readonly initialNoise?: string;
	readonly initImage?: string;
	readonly mask?: string;
	readonly controlImage?: readonly string[];
}

/** Adds the flags that say which model, and where it runs, but those of options that the command refuses. */
export function addModelFlags(
	command: Command,
	without: readonly ModelOption[] = [],
): Command {
	const names = Object.keys(MODEL_OPTIONS) as ModelOption[];
	return addOptionFlags(
		command,
		MODEL_OPTIONS,
		names.filter((name) => !without.includes(name)),
	);
}

/** Adds the flags that say what is drawn and how, but those of options that the command refuses. */
export function addGenerationFlags(
	command: Command,
	{
		without = [],
		withoutModel = [],
		help = {},
	}: {
		readonly without?: readonly GenerationOption[];
		readonly withoutModel?: readonly ModelOption[];
		/** What an option does where a command means another thing by it. */
		readonly help?: Partial<Record<GenerationOption, string>>;
	} = {},
): Command {
	const names = Object.keys(GENERATION_OPTIONS) as GenerationOption[];
	addOptionFlags(
		command,
		GENERATION_OPTIONS,
		names.filter((name) => !without.includes(name)),
		help,
	);
	return addOutputFlags(addModelFlags(command, withoutModel));
}

/** What `--seed` is to the commands that run many prompts. */
export const SEED_OF_MANY =
	"seed of the first prompt; the others follow (default: 0)";

/** Adds the flags that say what is written to the terminal. */
export function addOutputFlags(command: Command): Command {
	return command
		.option("--quiet", "no progress bar, no words")
		.option("--json", "one JSON object a line on stdout, nothing else there");
}

/** The options of the pipeline that the flags ask for. */
export function pipelineOptions(flags: ModelFlags): LoadOptions {
	const names = Object.keys(MODEL_OPTIONS) as ModelOption[];
	return Object.fromEntries(
		names.flatMap((name) =>
			name === "model" || flags[name] === undefined
				? []
				: [[name, flags[name]]],
		),
	);
}

/**
 * The options of a run that the flags ask for; a plan file is read.
 * @throws UserError when a file that a flag names cannot be read
 */
export async function generateOptions(
	prompt: string,
	flags: GenerationFlags,
): Promise<GenerateOptions> {
	const options = await optionsOfFlags(GENERATION_OPTIONS, flags);
	const { keySteps } = flags;
	if (keySteps?.endsWith(".json"))
		options.keySteps = parsePlanFile(
			await readTextOf("keySteps", keySteps),
			keySteps,
		);
	return { ...options, prompt };
}
