import {
	parseGenerationSettings,
	writeGenerationSettings,
} from "../image/generationSettings.js";
import { planWords } from "../propagation/keyStepPlan.js";
import { usualEta } from "../samplers/samplerSteps.js";
import type { GeneratedImage } from "./generatedImage.js";
import type { GenerateOptions } from "./generateOptions.js";
import type { Pipeline } from "./pipeline.js";

const PROMPT_WEIGHTING = "Prompt weighting";
const LONG_PROMPTS = "Long prompts";
const TILED_DECODING = "Tiled decoding";
const INITIAL_NOISE = "Initial noise";
const MAKER = "faster-diffusion";

/** The `parameters` text of an image: A1111's keys and ours, enough to make the same image again. */
export function imageParameters(
	{ seed, settings }: GeneratedImage,
	pipeline: Pick<Pipeline, "label" | "hash">,
): string {
	const others = new Map<string, string>();
	if (settings.promptWeighting) others.set(PROMPT_WEIGHTING, "true");
	if (settings.longPrompts) others.set(LONG_PROMPTS, "true");
	if (settings.tiledDecoding) others.set(TILED_DECODING, "true");
	if (settings.givenNoise) others.set(INITIAL_NOISE, "given");
	return writeGenerationSettings({
		prompt: settings.prompt,
		negativePrompt: settings.negativePrompt,
		steps: settings.steps,
		sampler: settings.samplerLabels.sampler,
		scheduleType: settings.samplerLabels.scheduleType,
		guidanceScale: settings.guidanceScale,
		seed,
		width: settings.width,
		height: settings.height,
		modelHash: pipeline.hash,
		// a folder's name only: an image must not tell where its maker keeps his files
		model: pipeline.label.split(/[\\/]/).slice(-2).join("/"),
		...(settings.eta !== usualEta(settings.sampler.name)
			? { eta: settings.eta }
			: {}),
		// A1111 counts the layer that is taken, diffusers the layers that are left out
		...(settings.clipSkip > 0 ? { clipSkip: settings.clipSkip + 1 } : {}),
		rng: settings.rng,
		keySteps: planWords(settings.plan),
		noiseInjection: settings.injection.alpha,
		injectUntil: settings.injection.until,
		version: MAKER,
		others,
	});
}

/** The options of an image made before, and the model it was made with. */
export interface ParametersOfImage {
	readonly options: GenerateOptions;
	readonly model?: string;
	readonly modelHash?: string;
	/** Whether it began with noise that was given, not with its seed's: the same image needs that noise again. */
	readonly givenNoise: boolean;
}

/** Reads the `parameters` text of an image of ours, or of A1111, as the options that make it again. */
export function optionsFromParameters(text: string): ParametersOfImage {
	const read = parseGenerationSettings(text);
	const schedule = {
		karras: "karras",
		exponential: "exponential",
		"align your steps": "ays",
		even: "even",
	}[read.scheduleType?.toLowerCase() ?? ""];
	const flag = (key: string) =>
		read.others?.get(key) === "true" ? true : undefined;
	// images of other programs were made without propagation
	const ours = read.keySteps !== undefined;
	return {
		model: read.model,
		modelHash: read.modelHash,
		givenNoise: read.others?.get(INITIAL_NOISE) === "given",
		options: {
			prompt: read.prompt,
			negativePrompt: read.negativePrompt,
			width: read.width,
			height: read.height,
			steps: read.steps,
			sampler: read.sampler,
			schedule,
			eta: read.eta,
			guidanceScale: read.guidanceScale,
			seed: read.seed,
			rng: read.rng,
			clipSkip:
				read.clipSkip === undefined
					? undefined
					: Math.max(0, read.clipSkip - 1),
			keySteps: ours ? read.keySteps : "all",
			injectNoise: read.noiseInjection,
			injectUntil: read.injectUntil,
			promptWeighting: flag(PROMPT_WEIGHTING),
			longPrompts: flag(LONG_PROMPTS),
			tiledDecoding: flag(TILED_DECODING),
		},
	};
}
