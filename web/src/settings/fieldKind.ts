import { samplerLabels } from "../../../src/samplers/config/samplerNames.js";
import {
	SAMPLER_NAMES,
	type SamplerName,
} from "../../../src/samplers/sampler.js";
import type { OptionNote, OptionSchema } from "../pictureSource.js";

/** How an option is asked for. */
export type FieldKind =
	| { readonly kind: "choice"; readonly choices: readonly Choice[] }
	| { readonly kind: "flag" }
	| {
			readonly kind: "number";
			readonly whole: boolean;
			readonly least?: number;
			readonly most?: number;
			/** Within which a slider moves it; undefined: it has none. */
			readonly slider?: readonly [least: number, most: number, step: number];
	  }
	| { readonly kind: "text"; readonly long: boolean }
	| { readonly kind: "picture" };

export interface Choice {
	readonly value: string;
	readonly label: string;
}

/** Where people move within, of the ranges that are allowed. */
const USUAL: Readonly<Record<string, readonly [number, number, number]>> = {
	steps: [1, 50, 1],
	guidanceScale: [1, 20, 0.5],
	injectNoise: [0, 0.02, 0.001],
	maskBlur: [0, 32, 1],
	hires: [1, 4, 0.25],
};
/** What the page asks for in its own way. */
const ELSEWHERE = new Set(["prompt", "keySteps", "previewEvery"]);

/** How an option is asked for; undefined where the page does that elsewhere, or a form cannot. */
export function fieldKind(
	{ name, choices, picture, metavar }: OptionNote,
	schema: OptionSchema | undefined,
): FieldKind | undefined {
	if (ELSEWHERE.has(name)) return undefined;
	if (picture) return { kind: "picture" };
	if (name === "sampler") return { kind: "choice", choices: SAMPLERS };
	const words = choices ?? schema?.enum;
	if (words)
		return {
			kind: "choice",
			choices: words.map((value) => ({ value, label: value })),
		};
	if (name === "seed") return { kind: "text", long: false };
	if (schema?.type === "boolean") return { kind: "flag" };
	if (schema?.type === "number" || schema?.type === "integer") {
		const { minimum: least, maximum: most } = schema;
		const share = least === 0 && most === 1;
		return {
			kind: "number",
			whole: schema.type === "integer",
			least,
			most,
			slider: USUAL[name] ?? (share ? [0, 1, 0.05] : undefined),
		};
	}
	if (schema?.type === "string" && metavar)
		return { kind: "text", long: name === "negativePrompt" };
	return undefined;
}

/** The value that a field's text says; undefined for none: the default. */
export function valueOfText(
	kind: FieldKind,
	name: string,
	text: string,
): unknown {
	const trimmed = text.trim();
	if (kind.kind === "number")
		return trimmed === "" || Number.isNaN(Number(trimmed))
			? undefined
			: Number(trimmed);
	if (name === "seed") {
		if (!/^-?\d+$/.test(trimmed)) return undefined;
		const number = Number(trimmed);
		return Number.isSafeInteger(number) ? number : trimmed;
	}
	return trimmed === "" ? undefined : text;
}

const SAMPLERS: readonly Choice[] = SAMPLER_NAMES.map((value) => ({
	value,
	label: samplerLabel(value),
}));

/** What a sampler is called, as A1111 shows it: "DPM++ 2M". */
export function samplerLabel(name: string): string {
	const known = SAMPLER_NAMES.find((one): one is SamplerName => one === name);
	return known ? samplerLabels(known).sampler : name;
}

/** Names that say too little alone. */
const TITLES: Readonly<Record<string, string>> = {
	initImage: "Picture",
	numImages: "Pictures",
	rng: "Random numbers",
	hires: "Enlarge by",
};

/** A word for people: "guidanceScale" is "Guidance scale". */
export function titleOf(name: string): string {
	if (name in TITLES) return TITLES[name];
	const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
	return words[0].toUpperCase() + words.slice(1);
}
