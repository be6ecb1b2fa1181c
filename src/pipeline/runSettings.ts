import { OptionError } from "../errors/optionError.js";
import { UserError } from "../errors/userError.js";
import {
	isPlain,
	type KeyStepPlan,
	parseKeySteps,
	planWords,
} from "../propagation/keyStepPlan.js";
import {
	NO_INJECTION,
	type NoiseInjection,
	PAPER_INJECTION,
} from "../propagation/noiseInjection.js";
import { type PlanFile, planFromFile } from "../propagation/planFile.js";
import type { SigmaSchedule } from "../samplers/config/samplerConfig.js";
import {
	type NamedSampler,
	samplerByName,
	samplerLabels,
	samplerOfConfig,
} from "../samplers/config/samplerNames.js";
import { parseSchedulerConfig } from "../samplers/config/schedulerConfig.js";
import { createSampler } from "../samplers/createSampler.js";
import type { Sampler } from "../samplers/sampler.js";
import {
	isFewStepSampler,
	usualEta,
	usualSteps,
} from "../samplers/samplerSteps.js";
import type { GenerateOptions } from "./generateOptions.js";

/** The options of a run with every default filled in, all checked. */
export interface RunSettings {
	readonly prompt: string;
	readonly negativePrompt: string;
	readonly width: number;
	readonly height: number;
	readonly steps: number;
	/** 1 when guidance is off. */
	readonly guidanceScale: number;
	readonly seed: bigint;
	readonly numImages: number;
	readonly batchSize: number;
	readonly rng: "cpu" | "cuda";
	readonly sampler: Sampler;
	readonly schedule: SigmaSchedule;
	/** How the web UI calls this sampler and schedule, for the image's parameters. */
	readonly samplerLabels: {
		readonly sampler: string;
		readonly scheduleType: string;
	};
	readonly eta: number;
	readonly plan: KeyStepPlan;
	readonly injection: NoiseInjection;
	readonly maxDecodeBatch: number;
	readonly clipSkip: number;
	readonly promptWeighting: boolean;
	readonly longPrompts: boolean;
	readonly tiledDecoding: boolean;
	/** Whether the run starts from `initialNoise` instead of the seed's. */
	readonly givenNoise: boolean;
	/** Things that will surprise, one line each. */
	readonly warnings: readonly string[];
}

/** What a model says about itself. */
export interface ModelDefaults {
	readonly width: number;
	readonly height: number;
	readonly guidanceScale: number;
	/** Its scheduler_config.json, as parsed JSON. */
	readonly scheduler: unknown;
	/** Pixels a latent stands for, each way. */
	readonly factor: number;
	/** Layers of its text encoder. */
	readonly textLayers: number;
	/** Whether decoding several steps in one batch is worth it where it runs. */
	readonly batches: boolean;
}

/** Above this many pixels decoding at once takes gigabytes. */
const TILED_ABOVE = 768 * 768;

/**
 * Fills in the defaults and checks everything that can be checked before a network runs.
 * @throws UserError (exit code 2) that names the flag.
 */
export function runSettings(
	options: GenerateOptions,
	model: ModelDefaults,
): RunSettings {
	const width = options.width ?? model.width;
	const height = options.height ?? model.height;
	checkSize("--width", width, model.factor);
	checkSize("--height", height, model.factor);
	// a plan file says which run it is for
	const planned =
		typeof options.keySteps === "object" && "steps" in options.keySteps
			? options.keySteps
			: undefined;
	const samplerName = options.sampler ?? planned?.sampler;
	const asked = samplerName
		? samplerByName(samplerName)
		: defaultSampler(model.scheduler);
	const steps = options.steps ?? planned?.steps ?? usualSteps(asked.name);
	checkWhole("--steps", steps, 1, 1000);
	const guidanceScale =
		options.guidanceScale ??
		(isFewStepSampler(asked.name) ? 1 : model.guidanceScale);
	checkNumber("--guidance-scale", guidanceScale, 0, 100);
	const numImages = options.numImages ?? 1;
	checkWhole("--num-images", numImages, 1, 10_000);
	const batchSize = options.batchSize ?? 1;
	checkWhole("--batch-size", batchSize, 1, 64);
	const maxDecodeBatch = options.maxDecodeBatch ?? (model.batches ? 8 : 1);
	checkWhole("--max-decode-batch", maxDecodeBatch, 1, 1000);
	const clipSkip = options.clipSkip ?? 0;
	checkWhole("--clip-skip", clipSkip, 0, model.textLayers - 1);
	const eta = options.eta ?? usualEta(asked.name);
	checkNumber("--eta", eta, 0, 1);
	const schedule = (options.schedule ??
		asked.schedule ??
		"default") as SigmaSchedule;
	const sampler = createSampler({
		name: asked.name,
		steps,
		config: model.scheduler,
		overrides: { ...asked.overrides, ...options.schedulerConfig },
		schedule,
		eta,
	});
	const plan = resolvePlan(options.keySteps ?? "paper", sampler, steps);
	const injection = resolveInjection(options, plan);
	const warnings: string[] = [];
	if (sampler.stochastic && !isPlain(plan))
		warnings.push(
			`the sampler ${sampler.name} adds fresh noise at every step, which reused encoder features cannot follow: expect a less sharp image, or use --key-steps all`,
		);
	return {
		prompt: checkText("prompt", options.prompt),
		negativePrompt: checkText(
			"--negative-prompt",
			options.negativePrompt ?? "",
		),
		width,
		height,
		steps,
		guidanceScale: Math.max(guidanceScale, 1),
		seed: resolveSeed(options.seed),
		numImages,
		batchSize,
		rng: options.rng ?? "cpu",
		sampler,
		schedule,
		samplerLabels: samplerLabels(asked.name, schedule, asked.overrides),
		eta,
		plan,
		injection,
		maxDecodeBatch,
		clipSkip,
		promptWeighting: options.promptWeighting ?? false,
		longPrompts: options.longPrompts ?? false,
		tiledDecoding: options.tiledDecoding ?? width * height > TILED_ABOVE,
		givenNoise: options.initialNoise !== undefined,
		warnings,
	};
}

/**
 * DPM-Solver++ (20 steps, for which there is a published plan) where the model comes with Stable Diffusion's PNDM or
 * DDIM, which any solver can stand in for; otherwise the model's own sampler: an LCM, say, needs it.
 */
function defaultSampler(scheduler: unknown): NamedSampler {
	const own = samplerOfConfig(parseSchedulerConfig(scheduler));
	return own === undefined || own.name === "pndm" || own.name === "ddim"
		? { name: "dpm-solver++" }
		: own;
}

function resolvePlan(
	keySteps: string | KeyStepPlan | PlanFile,
	sampler: Sampler,
	steps: number,
): KeyStepPlan {
	const evaluations = sampler.timesteps.length;
	if (typeof keySteps === "string") return parseKeySteps(keySteps, evaluations);
	if ("label" in keySteps) {
		if (keySteps.states.length !== evaluations)
			throw new UserError(
				`${keySteps.label}: this plan is for ${keySteps.states.length} network evaluations, but the run has ${evaluations}`,
				{ code: "usage" },
			);
		return keySteps;
	}
	const plan = planFromFile(
		keySteps,
		{ sampler: sampler.name, steps, evaluations },
		"--key-steps",
	);
	return { ...plan, label: planWords(plan) };
}

function resolveInjection(
	options: GenerateOptions,
	plan: KeyStepPlan,
): NoiseInjection {
	const fallback = isPlain(plan) ? NO_INJECTION : PAPER_INJECTION;
	const alpha = options.injectNoise ?? plan.injectNoise ?? fallback.alpha;
	const until =
		options.injectUntil ?? plan.injectUntil ?? PAPER_INJECTION.until;
	checkNumber("--inject-noise", alpha, 0, 1);
	checkNumber("--inject-until", until, 0, 1);
	return { alpha, until };
}

function resolveSeed(seed: number | bigint | undefined): bigint {
	if (seed === undefined)
		return BigInt(globalThis.crypto.getRandomValues(new Uint32Array(1))[0]);
	if (typeof seed === "number" && !Number.isSafeInteger(seed))
		throw new OptionError("seed", `${seed} is no integer`);
	const value = BigInt(seed);
	// what torch.Generator.manual_seed takes
	if (value < -(2n ** 63n) || value >= 2n ** 64n)
		throw new OptionError("seed", `${value} does not fit in 64 bits`);
	return value;
}

/** Long enough for any prompt that means something, short enough that a hostile one costs nothing. */
const LONGEST_PROMPT = 100_000;

function checkText(flag: string, text: string): string {
	if (text.length > LONGEST_PROMPT)
		throw new UserError(
			`${flag}: ${text.length} characters are too many; the most is ${LONGEST_PROMPT}`,
			{ code: "usage" },
		);
	return text;
}

function checkSize(flag: string, value: number, factor: number): void {
	checkWhole(flag, value, factor, 8192);
	if (value % factor !== 0)
		throw new UserError(
			`${flag}: ${value} is not divisible by ${factor}; use ${Math.max(factor, Math.floor(value / factor) * factor)} or ${Math.ceil(value / factor) * factor}`,
			{ code: "usage" },
		);
}

/** @throws UserError (exit code 2) naming the flag unless `value` is a whole number in the range. */
export function checkWhole(
	flag: string,
	value: number,
	least: number,
	most: number,
): void {
	if (!Number.isInteger(value) || value < least || value > most)
		throw new UserError(
			`${flag}: ${value} is not a whole number from ${least} to ${most}`,
			{ code: "usage" },
		);
}

function checkNumber(
	flag: string,
	value: number,
	least: number,
	most: number,
): void {
	if (!(value >= least && value <= most))
		throw new UserError(
			`${flag}: ${value} is not a number from ${least} to ${most}`,
			{ code: "usage" },
		);
}
