import * as z from "zod";
import {
	type AskedPlan,
	KEY_STEPS_USAGE,
	keyStepsSchema,
} from "../accelerators/planWords.js";
import { parsedJson } from "../files/parsedJson.js";
import type { Denoiser, DenoiserOptions } from "../propagation/denoiser.js";
import { type KeyStepPlan, propagates } from "../propagation/keyStepPlan.js";
import {
	NO_INJECTION,
	PAPER_INJECTION,
} from "../propagation/noiseInjection.js";
import { PLAN_QUALITIES } from "../propagation/planQuality.js";
import {
	SIGMA_SCHEDULES,
	type SigmaSchedule,
} from "../samplers/config/samplerConfig.js";
import {
	samplerByName,
	samplerLabels,
} from "../samplers/config/samplerNames.js";
import {
	type SamplerConfig,
	samplerOptionsSchema,
} from "../samplers/config/schedulerConfig.js";
import type { SamplerName } from "../samplers/sampler.js";
import {
	isFewStepSampler,
	usualEta,
	usualSteps,
} from "../samplers/samplerSteps.js";
import { notFinitePlace } from "../tensor/assertFinite.js";
import { decodeNpy } from "../tensor/npy.js";
import { hasTensorShape, isTensor, type Tensor } from "../tensor/tensor.js";
import { ADAPTER_OPTIONS } from "./adapterOptions.js";
import { CONTROL_OPTIONS } from "./controlOptions.js";
import type { ModelDefaults } from "./modelDefaults.js";
import {
	choice,
	file,
	flag,
	number,
	type OptionKind,
	seed,
	text,
	whole,
} from "./optionKinds.js";
import {
	defaultSide,
	type GivenPictures,
	PICTURE_OPTIONS,
} from "./pictureOptions.js";

/** What the default of an option may depend on. */
export interface DefaultBasis {
	readonly model: ModelDefaults;
	readonly sampler: SamplerName;
	/** What was asked of key steps: a plan file says which run it is for. */
	readonly asked: Pick<AskedPlan, "steps">;
	/** The plan that is run; plain sampling injects no noise. */
	readonly plan: KeyStepPlan;
	/** Pixels of the picture when it is decoded. */
	readonly pixels: number;
	/** What was given of pictures. */
	readonly given: GivenPictures;
	/** How many images the noise that was given is for; 1 without. */
	readonly images: number;
}

/** How an option stands in A1111's `parameters` text of a picture. */
export interface OptionParameter {
	readonly key: string;
	/** The text of a settled value, among all settled values; undefined: not written. As it is unless given. */
	readonly write?: (
		value: never,
		all: Readonly<Record<string, unknown>>,
	) => string | undefined;
	/** The value that a text says; undefined: it cannot be read; null: it says nothing to set. Default: as on the command line. */
	readonly read?: (
		word: string,
		all: ReadonlyMap<string, string>,
	) => unknown | null;
}

/** Everything that is to be known of an option: library, command line, parameters in pictures and docs are derived from it. */
export interface OptionEntry<Schema extends z.ZodType = z.ZodType>
	extends OptionKind<Schema> {
	/** What it does, and its default in words. */
	readonly help: string;
	/** The heading that it stands under in `--help`. */
	readonly group: OptionGroup;
	/** What its flag was called once: that goes on working. */
	readonly formerName?: string;
	readonly required?: true;
	/** Another option that it does nothing without, and what is to be said then. */
	readonly needs?: readonly [option: string, words: string];
	/** False: it has no flag, or is an argument of its own. */
	readonly flag?: false;
	/** False: its value cannot be written as JSON. */
	readonly json?: false;
	readonly default?: (basis: DefaultBasis) => unknown;
	/** What is wrong with a value for this model. */
	readonly problem?: (value: never, model: ModelDefaults) => string | undefined;
	readonly parameter?: OptionParameter;
}

export type OptionGroup =
	| "Picture"
	| "Pictures from pictures"
	| "Control nets"
	| "Adapters"
	| "Sampling"
	| "Encoder propagation"
	| "Text"
	| "Work"
	| "Model"
	| "Engine";

const size = (side: "width" | "height") => ({
	...whole("pixels", 1, 8192),
	help: `${side} in pixels, a multiple of 8 (default: what the model was trained at; with a picture, the picture's where that is near)`,
	group: "Picture" as const,
	problem: (value: number, { factor }: ModelDefaults) =>
		value % factor === 0
			? undefined
			: `${value} is not divisible by ${factor}; use ${value > factor ? `${value - (value % factor)} or ` : ""}${Math.ceil(value / factor) * factor}`,
	default: (basis: DefaultBasis) => defaultSide(side, basis),
});

/** Long enough for any prompt that means something, short enough that a hostile one costs nothing. */
const LONGEST_PROMPT = 100_000;
/** Above this many pixels decoding at once takes gigabytes. */
const TILED_ABOVE = 768 * 768;
const ifTrue = (value: boolean) => (value ? "true" : undefined);

/** The options of a run, in the order of `--help` and of the parameters that A1111 writes. */
export const GENERATION_OPTIONS = {
	prompt: {
		...text("text", LONGEST_PROMPT),
		help: "what to draw",
		group: "Picture",
		required: true,
		flag: false,
	},
	negativePrompt: {
		...text("text", LONGEST_PROMPT),
		help: "what guidance steers away from",
		group: "Picture",
		default: () => "",
	},
	steps: {
		...whole("n", 1, 1000),
		help: "sampler steps, 1 to 1000 (default: 20; 50 for ddim, ddpm and pndm; 4 for lcm and tcd; with a plan file, the plan's)",
		group: "Sampling",
		default: ({ asked, sampler }) => asked.steps ?? usualSteps(sampler),
		parameter: { key: "Steps" },
	},
	sampler: {
		...text("name", 100),
		help: "solver: ddim, ddpm, dpm-solver, dpm-solver++, dpm-solver++-3m, dpm-solver++-sde, dpm-solver-singlestep, dpm-solver++-singlestep, euler, euler-a, heun, lms, pndm, unipc, lcm, tcd, deis, dpm2, a name of A1111 (DPM++ 2M Karras) or of diffusers (EulerDiscreteScheduler) (default: dpm-solver++, or the model's own where nothing can stand in for it)",
		group: "Sampling",
		default: ({ sampler }) => sampler,
		parameter: {
			key: "Sampler",
			write: (_, all) => labels(all).sampler,
			read: (word, all) => {
				const spread = all.get("Schedule type");
				return spread !== undefined && isSampler(`${word} ${spread}`)
					? `${word} ${spread}`
					: word;
			},
		},
	},
	schedule: {
		...choice("name", SIGMA_SCHEDULES),
		help: "spacing of the noise levels, where the sampler allows a choice",
		group: "Sampling",
		parameter: {
			key: "Schedule type",
			write: (_, all) => labels(all).scheduleType,
			// joined to the sampler's name
			read: (word, all) =>
				isSampler(`${all.get("Sampler")} ${word}`) ? null : undefined,
		},
	},
	guidanceScale: {
		...number("x", 0, 100),
		help: "classifier-free guidance; 1 and below turn it off (default: what generation_config.json in the model's folder says, else 7.5; 1 with lcm and tcd; 8.5 for models that it was distilled into)",
		group: "Sampling",
		default: ({ sampler, model }) =>
			isFewStepSampler(sampler) && !model.guidanceDistilled
				? 1
				: model.guidanceScale,
		parameter: { key: "CFG scale" },
	},
	seed: {
		...seed("n"),
		help: "an integer of up to 64 bits; image n of a run has seed + n (default: random, and said)",
		group: "Picture",
		default: () => globalThis.crypto.getRandomValues(new Uint32Array(1))[0],
		parameter: { key: "Seed" },
	},
	width: {
		...size("width"),
		parameter: {
			key: "Size",
			write: (_, { width, height }) => `${width}x${height}`,
			read: (word) => sides(word)?.[0],
		},
	},
	height: {
		...size("height"),
		parameter: {
			key: "Size",
			write: (_, { width, height }) => `${width}x${height}`,
			read: (word) => sides(word)?.[1],
		},
	},
	eta: {
		...number("x", 0, 1),
		help: "share of fresh noise, 0 to 1: DDIM's eta (default: 0), TCD's gamma (default: 0.3)",
		group: "Sampling",
		default: ({ sampler }) => usualEta(sampler),
		parameter: {
			key: "Eta",
			write: (eta: number, { sampler }) =>
				eta === usualEta(sampler as SamplerName) ? undefined : String(eta),
		},
	},
	clipSkip: {
		...whole("n", 0, 100),
		help: "layers to leave out at the end of the text encoder, in diffusers' count (A1111's is one more)",
		group: "Text",
		default: () => 0,
		problem: (layers: number, { textLayers }) =>
			layers < textLayers
				? undefined
				: `${layers} is not a whole number from 0 to ${textLayers - 1}`,
		parameter: {
			key: "Clip skip",
			// A1111 counts the layer that is taken, diffusers the layers that are left out
			write: (layers: number) => (layers > 0 ? String(layers + 1) : undefined),
			read: (word) =>
				/^\d{1,2}$/.test(word) ? Math.max(0, Number(word) - 1) : undefined,
		},
	},
	rng: {
		...choice("name", ["cpu", "cuda"]),
		help: "whose random numbers: torch's on the CPU (default) or on CUDA",
		group: "Sampling",
		default: () => "cpu",
		parameter: {
			key: "RNG",
			write: (rng: "cpu" | "cuda") => ({ cpu: "CPU", cuda: "NV" })[rng],
			read: (word) => ({ CPU: "cpu", NV: "cuda", GPU: "cuda" })[word],
		},
	},
	...PICTURE_OPTIONS,
	...CONTROL_OPTIONS,
	...ADAPTER_OPTIONS,
	predictionType: {
		...choice("name", ["epsilon", "v_prediction", "sample"]),
		help: "what the network predicts, where the model's files do not say it rightly",
		group: "Sampling",
		parameter: { key: "Prediction type" },
	},
	schedulerConfig: {
		schema: samplerOptionsSchema,
		expected: "an object of diffusers' scheduler keys",
		help: "diffusers' scheduler keys that override the model's own scheduler_config.json",
		group: "Sampling",
		flag: false,
		parameter: {
			key: "Scheduler config",
			write: (config: Partial<SamplerConfig>, all) => beyondLabels(config, all),
			read: parsedJson,
		},
	},
	keySteps: {
		schema: keyStepsSchema,
		expected:
			"the words of a plan, a list of evaluations, a plan or a plan file's content",
		metavar: "plan",
		parse: (word: string) => word,
		help: `what runs at each step, words joined by +: ${KEY_STEPS_USAGE.map(({ usage }) => usage).join(", ")} (default: auto; compare: paper)`,
		group: "Encoder propagation",
		default: () => "auto",
		parameter: { key: "Key steps" },
	},
	quality: {
		...choice("name", PLAN_QUALITIES),
		help: "what the plan of auto may lose: nothing visible (high), small things (balanced), more (fast) (default: high); given, it is a general plan where none was tuned",
		group: "Encoder propagation",
		default: () => "high",
	},
	injectNoise: {
		...number("alpha", 0, 1),
		help: "prior noise injection, 0 is off (default: 0.003 where encoder features are reused, else 0)",
		group: "Encoder propagation",
		default: ({ plan }) =>
			plan.injectNoise ??
			(propagates(plan) ? PAPER_INJECTION : NO_INJECTION).alpha,
		parameter: { key: "Noise injection" },
	},
	injectUntil: {
		...number("tau", 0, 1),
		help: "noise is injected where timestep / 1000 is below this (default: 0.5)",
		group: "Encoder propagation",
		default: ({ plan }) => plan.injectUntil ?? PAPER_INJECTION.until,
		parameter: { key: "Inject until" },
	},
	promptWeighting: {
		...flag(),
		help: "understand (word:1.3), (word) and [word] as A1111 does; else they are text",
		group: "Text",
		default: () => false,
		parameter: { key: "Prompt weighting", write: ifTrue },
	},
	longPrompts: {
		...flag(),
		help: "encode prompts over 77 tokens in chunks; else they are cut, as in diffusers",
		group: "Text",
		default: () => false,
		parameter: { key: "Long prompts", write: ifTrue },
	},
	tiledDecoding: {
		...flag(),
		help: "decode the image in overlapping tiles (default: above 768 x 768 pixels)",
		group: "Work",
		default: ({ pixels }) => pixels > TILED_ABOVE,
		parameter: {
			key: "Tiled decoding",
			write: (tiled: boolean, { width, height, hires = 1 }) =>
				tiled ||
				Number(width) * Number(height) * Number(hires) ** 2 > TILED_ABOVE
					? String(tiled)
					: undefined,
		},
	},
	previewEvery: {
		...whole("n", 0, 1000),
		help: "show what a step predicts at every so many steps, small (default: 0, never)",
		group: "Work",
		flag: false,
	},
	initialNoise: {
		...file(
			"file.npy",
			z.custom<Tensor>(isTensor, {
				error: ({ input }) =>
					hasTensorShape(input) ? notFinitePlace(input) : undefined,
			}),
			"a tensor of finite numbers",
			decodeNpy,
		),
		formerName: "latents",
		help: "begin with this standard normal noise [images, 4, height/8, width/8] instead of the seed's, and draw as many images as it is for",
		group: "Picture",
		json: false,
		parameter: { key: "Initial noise", write: () => "given", read: () => null },
	},
	numImages: {
		...whole("n", 1, 10_000),
		help: "how many images (default: 1)",
		group: "Picture",
		default: ({ images }) => images,
	},
	batchSize: {
		...whole("n", 1, 64),
		help: "images that share a run of the network (default: 1; on a CPU more gain time only where pictures are small)",
		group: "Work",
		default: () => 1,
	},
	maxDecodeBatch: {
		...whole("n", 1, 1000),
		help: "the most decoder steps in one batch; the images are the same (default: 1 on the CPU, 8 elsewhere)",
		group: "Work",
		default: ({ model }) => (model.batches ? 8 : 1),
	},
} as const satisfies Record<string, OptionEntry>;

type Table = typeof GENERATION_OPTIONS;
type Input<Name extends keyof Table> = z.input<Table[Name]["schema"]>;

/** An option of a run, as the library calls it. */
export type GenerationOption = keyof Table;

/** What a JavaScript caller may give beside the options of the table. */
export interface RunHooks {
	/** Another denoiser in the same loop: the accelerators that propagation is compared with. */
	readonly denoiser?: (options: DenoiserOptions) => Denoiser;
	/** Stops the run before the next network call. */
	readonly signal?: AbortSignal;
}

/** What is to be drawn, and how. Everything but the prompt has a default; `GENERATION_OPTIONS` says what each option does. */
export type GenerateOptions = { readonly prompt: string } & {
	readonly [Name in Exclude<GenerationOption, "prompt">]?: Input<Name>;
} & RunHooks;

/** The options of a run with every default filled in: what makes its images again. Without noise that was given it is JSON. */
export type SettledOptions = {
	readonly [Name in GenerationOption]: Table[Name] extends {
		default: (...basis: never) => infer Value;
	}
		? undefined extends Value
			? Input<Name> | undefined
			: Input<Name>
		: Name extends "prompt"
			? string
			: Input<Name> | undefined;
};

/** The names of A1111 for the sampler and the schedule of settled options. */
function labels(all: Readonly<Record<string, unknown>>) {
	const { sampler, schedule, schedulerConfig } = all as unknown as {
		readonly sampler: SamplerName;
		readonly schedule: SigmaSchedule;
		readonly schedulerConfig?: Partial<SamplerConfig>;
	};
	return samplerLabels(sampler, schedule, schedulerConfig);
}

/** The keys of a sampler's configuration that the names of sampler and schedule do not say. */
function beyondLabels(
	config: Partial<SamplerConfig>,
	all: Readonly<Record<string, unknown>>,
): string | undefined {
	const { sampler, scheduleType } = labels(all);
	const said = samplerByName(`${sampler} ${scheduleType}`).overrides ?? {};
	const rest = Object.entries(config).filter(
		([key, value]) => said[key as keyof SamplerConfig] !== value,
	);
	return rest.length > 0 ? JSON.stringify(Object.fromEntries(rest)) : undefined;
}

function isSampler(name: string): boolean {
	try {
		samplerByName(name);
		return true;
	} catch {
		return false;
	}
}

function sides(word: string): [number, number] | undefined {
	const [, width, height] = /^(\d{1,6})x(\d{1,6})$/.exec(word) ?? [];
	return height ? [Number(width), Number(height)] : undefined;
}
