import { type Infotext, parseInfotext, writeInfotext } from "./infotext.js";

/** What a picture was made with: enough to make it again. */
export interface GenerationSettings {
	readonly prompt: string;
	readonly negativePrompt?: string;
	readonly steps?: number;
	readonly sampler?: string;
	/** The spacing of the sampler's steps, in A1111's names: "Karras", "Automatic" … */
	readonly scheduleType?: string;
	readonly guidanceScale?: number;
	readonly seed?: bigint;
	readonly width?: number;
	readonly height?: number;
	/** The first ten hexadecimal digits that tell the model. */
	readonly modelHash?: string;
	readonly model?: string;
	readonly eta?: number;
	readonly clipSkip?: number;
	/** Whose noise: torch's CPU generator, or CUDA's ("NV" in A1111, which takes a missing one for the GPU's). */
	readonly rng?: "cpu" | "cuda";
	/** The key-step plan of encoder propagation, as `--key-steps` takes it. */
	readonly keySteps?: string;
	/** alpha of prior noise injection. */
	readonly noiseInjection?: number;
	/** tau: noise is injected where t / T is below it. */
	readonly injectUntil?: number;
	readonly version?: string;
	/** Settings of other names, as text. */
	readonly others?: ReadonlyMap<string, string>;
}

/** The keys of A1111, in the order in which it writes them, and ours before the version. */
const KEYS = {
	steps: "Steps",
	sampler: "Sampler",
	scheduleType: "Schedule type",
	guidanceScale: "CFG scale",
	seed: "Seed",
	size: "Size",
	modelHash: "Model hash",
	model: "Model",
	eta: "Eta",
	clipSkip: "Clip skip",
	rng: "RNG",
	keySteps: "Key steps",
	noiseInjection: "Noise injection",
	injectUntil: "Inject until",
	version: "Version",
} as const;

/**
 * The `parameters` text of a picture (see infotext.ts).
 * @throws RangeError when fewer than three settings are given.
 */
export function writeGenerationSettings(settings: GenerationSettings): string {
	const { width, height, rng } = settings;
	const values: Record<keyof typeof KEYS, string | undefined> = {
		steps: text(settings.steps),
		sampler: settings.sampler,
		scheduleType: settings.scheduleType,
		guidanceScale: text(settings.guidanceScale),
		seed: text(settings.seed),
		size: width && height ? `${width}x${height}` : undefined,
		modelHash: settings.modelHash,
		model: settings.model,
		eta: text(settings.eta),
		clipSkip: text(settings.clipSkip),
		rng: rng && { cpu: "CPU", cuda: "NV" }[rng],
		keySteps: settings.keySteps,
		noiseInjection: text(settings.noiseInjection),
		injectUntil: text(settings.injectUntil),
		version: settings.version,
	};
	const entries = new Map(settings.others);
	entries.delete(KEYS.version);
	const ordered = new Map<string, string>();
	for (const [name, key] of Object.entries(KEYS)) {
		if (name === "version")
			for (const [other, value] of entries) ordered.set(other, value);
		const value = values[name as keyof typeof KEYS];
		if (value !== undefined) ordered.set(key, value);
	}
	return writeInfotext({
		prompt: settings.prompt,
		negativePrompt: settings.negativePrompt ?? "",
		settings: ordered,
	});
}

/**
 * Reads the `parameters` text of a picture of ours, of A1111 or of a program that follows it. Values that are no numbers where
 * numbers belong are left out; a text of A1111 without RNG means noise of the GPU.
 * @throws UserError for a text over 1 MiB.
 */
export function parseGenerationSettings(source: string): GenerationSettings {
	const { prompt, negativePrompt, settings }: Infotext = parseInfotext(source);
	const known = new Set<string>(Object.values(KEYS));
	const size = /^(\d{1,6})x(\d{1,6})$/.exec(settings.get(KEYS.size) ?? "");
	const seed = settings.get(KEYS.seed);
	const rng = settings.get(KEYS.rng);
	return withoutUndefined({
		prompt,
		negativePrompt: negativePrompt || undefined,
		steps: number(settings.get(KEYS.steps)),
		sampler: settings.get(KEYS.sampler),
		scheduleType: settings.get(KEYS.scheduleType),
		guidanceScale: number(settings.get(KEYS.guidanceScale)),
		seed: seed && /^-?\d{1,20}$/.test(seed) ? BigInt(seed) : undefined,
		width: size ? Number(size[1]) : undefined,
		height: size ? Number(size[2]) : undefined,
		modelHash: settings.get(KEYS.modelHash),
		model: settings.get(KEYS.model),
		eta: number(settings.get(KEYS.eta)),
		clipSkip: number(settings.get(KEYS.clipSkip)),
		rng: settings.size === 0 ? undefined : rng === "CPU" ? "cpu" : "cuda",
		keySteps: settings.get(KEYS.keySteps),
		noiseInjection: number(settings.get(KEYS.noiseInjection)),
		injectUntil: number(settings.get(KEYS.injectUntil)),
		version: settings.get(KEYS.version),
		others: new Map([...settings].filter(([key]) => !known.has(key))),
	});
}

function text(value: number | bigint | undefined): string | undefined {
	return value === undefined ? undefined : String(value);
}

function number(value: string | undefined): number | undefined {
	return value !== undefined &&
		/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(value)
		? Number(value)
		: undefined;
}

function withoutUndefined<T extends object>(value: T): T {
	return Object.fromEntries(
		Object.entries(value).filter(([, entry]) => entry !== undefined),
	) as T;
}
