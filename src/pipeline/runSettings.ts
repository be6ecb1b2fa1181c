import { readKeySteps } from "../accelerators/planWords.js";
import { type ChosenPlan, resolvePlan } from "../accelerators/resolvePlan.js";
import { OptionError } from "../errors/optionError.js";
import { isPlain, type KeyStepPlan } from "../propagation/keyStepPlan.js";
import type { NoiseInjection } from "../propagation/noiseInjection.js";
import { jsonSeed } from "../random/seed.js";
import {
	type SigmaSchedule,
	samplerConfig,
	spreadable,
} from "../samplers/config/samplerConfig.js";
import {
	type NamedSampler,
	samplerByName,
	samplerOfConfig,
} from "../samplers/config/samplerNames.js";
import {
	parseSchedulerConfig,
	type SamplerConfig,
} from "../samplers/config/schedulerConfig.js";
import { createSampler } from "../samplers/createSampler.js";
import type { Sampler, SamplerName } from "../samplers/sampler.js";
import { timesValues } from "../samplers/schedules/timeGrid.js";
import { type LoraTag, loraTags } from "../tokenizer/loraTags.js";
import type { ADAPTER_OPTIONS } from "./adapterOptions.js";
import { checkOptions } from "./checkOptions.js";
import type { CONTROL_OPTIONS } from "./controlOptions.js";
import { type ControlSettings, controlSettings } from "./controlSettings.js";
import type { ModelDefaults } from "./modelDefaults.js";
import {
	type DefaultBasis,
	GENERATION_OPTIONS,
	type GenerateOptions,
	type GenerationOption,
	type OptionEntry,
	type SettledOptions,
} from "./options.js";
import type { PICTURE_OPTIONS } from "./pictureOptions.js";
import {
	type HiresSettings,
	hiresSettings,
	type PictureSettings,
	pictureSettings,
	startOf,
} from "./pictureSettings.js";
import type { Warning } from "./warning.js";

/** The options of a run with every default filled in, all checked, and what they stand for. */
export interface RunSettings
	extends Omit<
		SettledOptions,
		| "seed"
		| "sampler"
		| "schedule"
		| "predictionType"
		| "schedulerConfig"
		| "keySteps"
		| "injectNoise"
		| "injectUntil"
		| "initialNoise"
		| keyof typeof PICTURE_OPTIONS
		| keyof typeof CONTROL_OPTIONS
		| keyof typeof ADAPTER_OPTIONS
	> {
	readonly seed: bigint;
	readonly sampler: Sampler;
	/** How the noise levels are spread, the model's own configuration counted in. */
	readonly schedule: SigmaSchedule;
	readonly plan: KeyStepPlan;
	/** What the key steps `auto` came to, where they were asked for. */
	readonly chosenPlan?: ChosenPlan;
	/** Steps of the plain run that the plan takes the place of, where it says so. */
	readonly standsFor?: number;
	readonly injection: NoiseInjection;
	/** The picture that the run begins with. */
	readonly picture?: PictureSettings;
	/** What each control net is shown, in their order. */
	readonly controls: readonly ControlSettings[];
	/** How the picture is drawn on at a larger size. */
	readonly hires?: HiresSettings;
	/** The first evaluation: later ones begin with a picture. */
	readonly start: number;
	/** Network evaluations that an image takes in all. */
	readonly evaluations: number;
	/** The LoRAs that the prompt names; `prompt` is without them. */
	readonly loraTags: readonly LoraTag[];
	/** Things that the user may not expect. */
	readonly warnings: readonly Warning[];
	/** The same as options: given again, they make the same images. */
	readonly options: SettledOptions;
}

/**
 * Fills in the defaults and checks everything that can be checked before a network runs.
 * @throws OptionError that names the option
 */
export function runSettings(
	options: GenerateOptions,
	model: ModelDefaults,
): RunSettings {
	// before the table's check: it says best what is wrong with a plan
	const asked = readKeySteps(
		(options as GenerateOptions | null)?.keySteps ??
			GENERATION_OPTIONS.keySteps.default(),
	);
	checkOptions(GENERATION_OPTIONS, options, {
		denoiser: (value) => typeof value === "function",
		signal: (value) => value instanceof AbortSignal,
	});
	const { schedulerConfig, predictionType, initialNoise } = options;
	const written = options.sampler ?? asked.sampler;
	const named =
		written !== undefined
			? samplerByName(written)
			: defaultSampler(model.scheduler);
	const basis: DefaultBasis = {
		model,
		sampler: named.name,
		asked,
		images: initialNoise?.dims[0] ?? 1,
		given: options,
		get pixels() {
			return width * height * (options.hires ?? 1) ** 2;
		},
		get plan() {
			return plan;
		},
	};
	const settle = <Name extends GenerationOption>(name: Name) => {
		const entry: OptionEntry = GENERATION_OPTIONS[name];
		const value = (options[name] ??
			entry.default?.(basis)) as SettledOptions[Name];
		const what = entry.problem?.(value as never, model);
		if (what) throw new OptionError(name, what);
		return value;
	};
	const [width, height] = [settle("width"), settle("height")];
	const [askedSteps, eta] = [settle("steps"), settle("eta")];
	const quality = settle("quality");
	const overrides: Partial<SamplerConfig> = withoutNulls({
		...named.overrides,
		...schedulerConfig,
		prediction_type: predictionType ?? schedulerConfig?.prediction_type,
	});
	const { name } = named;
	const schedule = options.schedule ?? named.schedule;
	const guidanceScale = Math.max(settle("guidanceScale"), 1);
	const tagged = loraTags(
		options.prompt,
		options.loras?.length ? () => true : (model.findsLora ?? (() => false)),
	);
	const {
		plan,
		sampler,
		chosen: chosenPlan,
		standsFor,
	} = resolvePlan(asked, {
		sampler: name,
		steps: askedSteps,
		quality: options.quality,
		tunable:
			tagged.tags.length === 0 &&
			isTunable({ ...options, schedule }, model, overrides),
		guidanceScale,
		skipCount: model.skipCount,
		model,
		findPlan: model.findPlan,
		createSampler: (times) =>
			createSampler({
				name,
				steps: times ? undefined : askedSteps,
				times,
				config: model.scheduler,
				overrides,
				schedule,
				eta,
			}),
	});
	const steps = plan.times ? timesValues(plan.times).length : askedSteps;
	const spread =
		plan.times || (schedule && schedule !== "default")
			? (schedule ?? "default")
			: scheduleOf(
					name,
					samplerConfig(name, {
						file: parseSchedulerConfig(model.scheduler),
						overrides,
					}),
				);
	const injection = {
		alpha: settle("injectNoise"),
		until: settle("injectUntil"),
	};
	const pictures = {
		initImage: options.initImage,
		strength: settle("strength"),
		resizeMode: settle("resizeMode"),
		background: settle("background"),
		mask: options.mask,
		maskBlur: settle("maskBlur"),
		maskedContent: settle("maskedContent"),
		onlyMasked: settle("onlyMasked"),
		maskPadding: settle("maskPadding"),
		hires: options.hires,
		hiresStrength: settle("hiresStrength"),
		hiresUpscaler: settle("hiresUpscaler"),
	};
	const { controlImage, controlScale, controlStart, controlEnd, controlEdges } =
		options;
	const controlled = {
		controlImage,
		controlScale,
		controlStart,
		controlEnd,
		controlEdges,
	};
	const controls = controlSettings(controlled, model);
	const picture = pictureSettings(pictures, model);
	const start = picture
		? startOf("strength", picture.strength, sampler, steps)
		: 0;
	const hires = hiresSettings(pictures, {
		width,
		height,
		steps,
		sampler,
		factor: model.factor,
	});
	const count = sampler.timesteps.length;
	const seed = BigInt(settle("seed"));
	const common = {
		negativePrompt: settle("negativePrompt"),
		steps,
		guidanceScale,
		quality,
		width,
		height,
		eta,
		clipSkip: settle("clipSkip"),
		rng: settle("rng"),
		promptWeighting: settle("promptWeighting"),
		longPrompts: settle("longPrompts"),
		tiledDecoding: settle("tiledDecoding"),
		numImages: settle("numImages"),
		batchSize: hasThreshold(plan) ? 1 : settle("batchSize"),
		maxDecodeBatch: settle("maxDecodeBatch"),
	};
	const { prediction_type: _, ...others } = overrides;
	return {
		...common,
		prompt: tagged.text,
		loraTags: tagged.tags,
		seed,
		sampler,
		schedule: spread,
		plan,
		chosenPlan,
		standsFor,
		injection,
		picture,
		controls,
		hires,
		start,
		previewEvery: options.previewEvery,
		evaluations: count - start + (hires ? count - hires.start : 0),
		warnings: [...warningsOf(sampler, plan), ...tagWarnings(tagged.others)],
		options: {
			...common,
			...pictures,
			...controlled,
			prompt: options.prompt,
			loras: options.loras,
			embeddings: options.embeddings,
			sampler: name,
			schedule: spread,
			seed: jsonSeed(seed),
			predictionType: overrides.prediction_type,
			schedulerConfig: others as SettledOptions["schedulerConfig"],
			keySteps: plan.label,
			injectNoise: injection.alpha,
			injectUntil: injection.until,
			initialNoise,
			previewEvery: undefined,
		},
	};
}

/**
 * Whether a run is of the kind that plans are tuned for: from text alone to a picture of the model's own size, by the model as it
 * is, on the sampler's own grid.
 */
function isTunable(
	options: GenerateOptions,
	model: ModelDefaults,
	overrides: Partial<SamplerConfig>,
): boolean {
	const { width, height, clipSkip, denoiser, schedule, eta } = options;
	const { loras, embeddings, initImage, hires, controlImage } = options;
	return (
		!(denoiser || clipSkip || eta || initImage || hires || controlImage) &&
		!(loras?.length || embeddings?.length) &&
		(schedule ?? "default") === "default" &&
		Object.keys(overrides).length === 0 &&
		(width ?? model.width) === model.width &&
		(height ?? model.height) === model.height
	);
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

/** Whether what runs is decided by how the pictures change: those of a batch would decide for each other. */
function hasThreshold({ accelerator }: KeyStepPlan): boolean {
	return accelerator !== undefined && "threshold" in accelerator;
}

/** What a configuration says of the spread of the noise levels. */
function scheduleOf(name: SamplerName, config: SamplerConfig): SigmaSchedule {
	if (!spreadable(name)) return "default";
	if (config.use_ays_sigmas) return "ays";
	if (config.use_karras_sigmas) return "karras";
	return config.use_exponential_sigmas ? "exponential" : "default";
}

function warningsOf(sampler: Sampler, plan: KeyStepPlan): Warning[] {
	return sampler.stochastic && !isPlain(plan)
		? [
				{
					code: "stochastic_sampler",
					message: `the sampler ${sampler.name} adds fresh noise at every step, which reused encoder features cannot follow: expect a less sharp image, or use the key steps "all"`,
				},
			]
		: [];
}

function tagWarnings(tags: readonly LoraTag[]): Warning[] {
	if (tags.length === 0) return [];
	const names = [...new Set(tags.map(({ name }) => name))].join(", ");
	return [
		{
			code: "lora_unknown",
			message: `the prompt names LoRAs (${names.slice(0, 200)}), which are read as words: give them as loras, or their folder as loraDir`,
		},
	];
}

function withoutNulls(keys: object): Partial<SamplerConfig> {
	return Object.fromEntries(
		Object.entries(keys).filter(([, value]) => value != null),
	);
}
