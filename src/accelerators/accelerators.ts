import { OptionError } from "../errors/optionError.js";
import type { Denoiser, DenoiserOptions } from "../propagation/denoiser.js";
import type {
	AcceleratorSpec,
	KeyStepPlan,
} from "../propagation/keyStepPlan.js";
import type { Accelerator } from "./accelerator.js";
import { adaptive } from "./adaptive.js";
import { tGate } from "./crossAttentionGate.js";
import { easyCache } from "./easyCache.js";
import { encoderPropagation } from "./encoderPropagation.js";
import { guidanceCutoff } from "./guidanceCutoff.js";
import { toMe } from "./tokenMerging.js";
import { uCache } from "./uCache.js";

/** Every accelerator beside key-step plans (encoder propagation, DeepCache), which `encoderPropagation` runs. */
export const ACCELERATORS: readonly Accelerator[] = [
	adaptive,
	tGate,
	toMe,
	uCache,
	easyCache,
	guidanceCutoff,
];

const byKind = new Map(ACCELERATORS.map((own) => [own.kind, own]));

/** Whether a word such as `tome:0.5` begins with the name of an accelerator. */
export function isAcceleratorWord(word: string): boolean {
	return byKind.has(word.split(":", 1)[0]);
}

/**
 * Reads an accelerator's words: its kind and its arguments, `tome:0.5:3`.
 * @throws OptionError when they are wrong
 */
export function parseAccelerator(word: string): AcceleratorSpec {
	const [kind, ...values] = word.split(":");
	const fields = byKind.get(kind)?.fields ?? [];
	if (values.length > fields.length) throw refused(word, "too many arguments");
	return checkAccelerator({
		kind,
		...Object.fromEntries(
			values.map((value, n) => [
				fields[n],
				value.trim() === "" ? Number.NaN : Number(value),
			]),
		),
	});
}

/**
 * Checks an accelerator that is given as an object, and fills in its defaults.
 * @throws OptionError when there is no such accelerator, or an argument is wrong
 */
export function checkAccelerator(spec: AcceleratorSpec): AcceleratorSpec {
	const parsed = find(spec).schema.safeParse(spec);
	if (parsed.success) return parsed.data;
	const [{ path, message }] = parsed.error.issues;
	throw refused(
		spec.kind,
		[
			...path.map(String),
			message
				.replace(/, received undefined$/, ", but it is missing")
				.replace(/^Too (?:big|small): expected \w+ to be <=?/, "at most ")
				.replace(/^Too (?:big|small): expected \w+ to be >=?/, "at least "),
		].join(": "),
	);
}

/** The words that `parseAccelerator` reads as this spec. */
export function acceleratorWord(spec: AcceleratorSpec): string {
	const values = find(spec).fields.map(
		(field) => (spec as unknown as Record<string, number | undefined>)[field],
	);
	return [spec.kind, ...values.filter((value) => value !== undefined)].join(
		":",
	);
}

/**
 * @throws OptionError when the plan's accelerator does not go with its states
 */
export function checkAccelerated(plan: KeyStepPlan): void {
	const { accelerator } = plan;
	const problem = accelerator && find(accelerator).problem?.(accelerator, plan);
	if (problem)
		throw new OptionError(
			"keySteps",
			`${acceleratorWord(accelerator)}: ${problem}`,
		);
}

/** The denoiser of a plan: its accelerator's, or encoder propagation by its states. */
export function plannedDenoiser(options: DenoiserOptions): Denoiser {
	const { accelerator } = options.plan;
	return accelerator
		? find(accelerator).denoiser(accelerator)(options)
		: encoderPropagation(options);
}

function find({ kind }: AcceleratorSpec): Accelerator {
	const found = byKind.get(kind);
	if (found) return found;
	throw new OptionError(
		"keySteps",
		`there is no accelerator ${kind.slice(0, 40)}; there are ${[...byKind.keys()].join(", ")}`,
	);
}

function refused(word: string, what: string): OptionError {
	const usage = byKind.get(word.split(":", 1)[0])?.usage;
	return new OptionError(
		"keySteps",
		`${word.slice(0, 60)}: ${what}; it is written ${usage}`,
	);
}
