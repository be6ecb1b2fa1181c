import { mustBeText } from "../errors/mustBe.js";
import { parseInfotext, writeInfotext } from "../image/infotext.js";
import { jsonSeed, type Seed } from "../random/seed.js";
import { type EngineName, engineNames } from "../runtime/engine.js";
import { type Precision, precisions } from "../runtime/session.js";
import { samplerByName } from "../samplers/config/samplerNames.js";
import { loraTags } from "../tokenizer/loraTags.js";
import type { LoraOption } from "./adapterOptions.js";
import { controlParameters, withoutControls } from "./controlParameters.js";
import { problemOf } from "./optionKinds.js";
import {
	GENERATION_OPTIONS,
	type GenerateOptions,
	type GenerationOption,
	type OptionEntry,
	type SettledOptions,
} from "./options.js";
import type { Warning } from "./warning.js";

const MODEL = "Model";
const MODEL_HASH = "Model hash";
const VERSION = "Version";
/** Written where it is not the model's own. */
const VAE = "VAE";
/** Written where they are not the default's: the same options make the same image up to their rounding. */
const ENGINE = "Engine";
const PRECISION = "Precision";
const DEFAULT_ENGINE = "onnxruntime";
const MAKER = "faster-diffusion";
/** What A1111 calls the clip skip, rng … of a picture it made without saying so. */
const OF_A1111 = {
	rng: "cuda",
	promptWeighting: true,
	longPrompts: true,
} as const;
/** Keys that say nothing about how the picture is made. */
const MEANINGLESS = /^(User|Hashes|Parser|Pad conds|NGMS|Created Date)$/;
/** Networks that A1111 loads by a tag in the prompt. */
const TAG = /<(lora|lyco|hypernet):[^<>]{1,200}>/g;

const PARAMETERS = Object.entries<OptionEntry>(GENERATION_OPTIONS).flatMap(
	([name, entry]) =>
		entry.parameter ? [{ name, entry, ...entry.parameter }] : [],
);

/** The model of an image. */
export interface ImageModel {
	/** What it was called when it was loaded; of a path only the last two parts are written into pictures. */
	readonly label: string;
	/** Ten hexadecimal digits that tell models apart. */
	readonly hash: string;
	/** What ran it, and computed in; ONNX Runtime in float32 unless given. */
	readonly engine?: string;
	readonly precision?: Precision;
	/** What the control nets beside it are called. */
	readonly controlNets?: readonly string[];
	/** What the autoencoder is called that stands in place of its own. */
	readonly vae?: string;
}

/** The `parameters` text of an image: A1111's keys and ours, enough to make the same image again. */
export function imageParameters(
	{
		seed,
		settings,
	}: {
		readonly seed: Seed | bigint;
		readonly settings: { readonly options: SettledOptions };
	},
	{ label, hash, engine, precision, vae, controlNets = [] }: ImageModel,
): string {
	const all: Readonly<Record<string, unknown>> = { ...settings.options, seed };
	const written = new Map<string, string>();
	for (const { name, key, write = String } of PARAMETERS) {
		const value = all[name];
		const text = value === undefined ? undefined : write(value as never, all);
		if (text !== undefined) written.set(key, text);
		if (name !== "height") continue;
		// where A1111 writes them
		written.set(MODEL_HASH, hash);
		written.set(MODEL, lastParts(label));
		if (vae !== undefined) written.set(VAE, lastParts(vae));
	}
	if (engine && engine !== DEFAULT_ENGINE) written.set(ENGINE, engine);
	if (precision && precision !== "float32") written.set(PRECISION, precision);
	for (const [key, text] of controlParameters(settings.options, controlNets))
		written.set(key, text);
	written.set(VERSION, MAKER);
	const { negativePrompt, loras } = settings.options;
	const prompt = taggedPrompt(settings.options.prompt, loras);
	return writeInfotext({ prompt, negativePrompt, settings: written });
}

/** A folder's name only: an image must not tell where its maker keeps his files. */
const lastParts = (path: string) => path.split(/[\\/]/).slice(-2).join("/");

/** A prompt that names every LoRA, as A1111's does. */
function taggedPrompt(
	prompt: string,
	loras: readonly LoraOption[] = [],
): string {
	const { tags } = loraTags(prompt);
	const more = loras.flatMap(({ name, weight = 1, textWeight = weight }) =>
		name === undefined || tags.some((tag) => tag.name === name)
			? []
			: [
					textWeight === weight
						? `<lora:${name}:${weight}>`
						: `<lora:${name}:${textWeight}:${weight}>`,
				],
	);
	return [prompt, ...more].filter((words) => words !== "").join(" ");
}

/** The options of an image made before, and the model it was made with. */
export interface ParametersOfImage {
	readonly options: GenerateOptions;
	readonly model?: string;
	readonly modelHash?: string;
	/** The autoencoder that stood in place of the model's own. */
	readonly vae?: string;
	/** What it was made from that a text cannot say: the same image needs these options again. */
	readonly given: readonly GenerationOption[];
	/** What the control nets are called that it was made with: the same image needs them beside the model. */
	readonly controlNets?: readonly string[];
	/** What one of our pictures was run with: the same picture needs the same, whatever else is installed. */
	readonly engine?: EngineName;
	readonly precision?: Precision;
	/** What the text says and the options cannot. */
	readonly warnings: readonly Warning[];
}

/**
 * Reads the `parameters` text of an image of ours, or of A1111 and the programs that follow it, as the options that make it
 * again. What cannot be made again (other extensions, unreadable values) is named in a warning.
 * @param findsLora whether the LoRA that a prompt names can be had: else those of other programs' prompts are left out
 * @throws UserError for a text over 1 MiB
 */
export function optionsFromParameters(
	text: string,
	{
		findsLora = () => false,
	}: { readonly findsLora?: (name: string) => boolean } = {},
): ParametersOfImage {
	mustBeText(text, "parameters");
	const { prompt, negativePrompt, settings: all } = parseInfotext(text);
	const { controls, names: controlNets, settings } = withoutControls(all);
	const options: Record<string, unknown> = { ...controls };
	const leftOut: string[] = [];
	const known = new Set([MODEL, MODEL_HASH, VAE, ENGINE, PRECISION, VERSION]);
	for (const { name, entry, key, read = entry.parse } of PARAMETERS) {
		known.add(key);
		const word = settings.get(key);
		if (word === undefined) continue;
		const value = read?.(word, settings);
		if (value === null) continue;
		if (value === undefined || problemOf(entry, value))
			leftOut.push(`${key}: ${word}`);
		else options[name] = typeof value === "bigint" ? jsonSeed(value) : value;
	}
	const given = givenBeside(options, settings);
	if (controls) given.add("controlImage");
	const ours = settings.get(VERSION) === MAKER || settings.has("Key steps");
	const foreign = !ours && settings.size > 0;
	const { tags } = loraTags(prompt);
	if (tags.length > 0 && tags.every(({ name }) => findsLora(name)))
		given.delete("loras");
	// other programs' pictures are drawn without them
	for (const name of ["loras", "embeddings"] as const) {
		const { key } = GENERATION_OPTIONS[name].parameter;
		if (foreign && given.delete(name))
			leftOut.push(`${key}: ${settings.get(key)}`);
	}
	for (const [name, value] of Object.entries(options)) {
		const needs = entryOf(name)?.needs?.[0];
		if (needs === undefined || needs in options || given.has(needs as never))
			continue;
		leftOut.push(`${entryOf(name)?.parameter?.key}: ${value}`);
		delete options[name];
	}
	for (const [key, value] of settings)
		if (!known.has(key) && !MEANINGLESS.test(key))
			leftOut.push(`${key}: ${value}`);
	const without = (words: string) =>
		words.replace(TAG, (tag) => {
			const [lora] = loraTags(tag).tags;
			if (!foreign || (lora && findsLora(lora.name))) return tag;
			leftOut.push(tag);
			return "";
		});
	if (foreign && options.eta !== undefined && !takesEta(options.sampler)) {
		leftOut.push(`Eta: ${options.eta}`);
		delete options.eta;
	}
	const named = (key: string) => (name: string) => name === settings.get(key);
	return {
		options: {
			...(foreign ? OF_A1111 : {}),
			// images of other programs were made without propagation
			...(ours ? {} : { keySteps: "all" }),
			...options,
			prompt: without(prompt),
			...(negativePrompt ? { negativePrompt: without(negativePrompt) } : {}),
		},
		model: settings.get(MODEL),
		modelHash: settings.get(MODEL_HASH),
		vae: settings.get(VAE),
		given: [...given],
		...(controlNets && { controlNets }),
		// what is not written is what there always is
		...(ours
			? {
					engine: engineNames.find(named(ENGINE)) ?? DEFAULT_ENGINE,
					precision: precisions.find(named(PRECISION)) ?? "float32",
				}
			: {}),
		warnings:
			leftOut.length === 0
				? []
				: [
						{
							code: "settings_left_out",
							message: `settings of the picture that cannot be used here are left out: ${[...new Set(leftOut)].map((words) => words.slice(0, 60)).join("; ")}`,
						},
					],
	};
}

const entryOf = (name: string): OptionEntry | undefined =>
	(GENERATION_OPTIONS as Readonly<Record<string, OptionEntry>>)[name];

/** The options that a text cannot hold and says were given, or that others of its options were for. */
function givenBeside(
	options: Readonly<Record<string, unknown>>,
	settings: ReadonlyMap<string, string>,
): Set<GenerationOption> {
	const given = new Set<string>();
	for (const { name, entry, key } of PARAMETERS)
		if (entry.json === false && settings.has(key)) given.add(name);
	const needed = [...Object.keys(options), ...given];
	for (const name of needed) {
		const needs = entryOf(name)?.needs?.[0];
		if (needs === undefined || given.has(needs)) continue;
		if (entryOf(needs)?.json !== false) continue;
		given.add(needs);
		needed.push(needs);
	}
	return given as Set<GenerationOption>;
}

function takesEta(sampler: unknown): boolean {
	try {
		return ["ddim", "tcd"].includes(samplerByName(String(sampler)).name);
	} catch {
		return false;
	}
}
